"""What is compared: one subject of a plan, with its settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bundle.documents.base import Strict

type Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")]
# The name of a service, or in a plan as people write it the path of its folder.
type ServiceName = Annotated[
    str, Field(pattern=r"^(?:[a-z][a-z0-9_]{0,29}|[^\x00]{0,1000}/[^\x00]{0,1000})$")
]
# The name of a stack: that of a service which brings it has a _ where the service has one.
type StackName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
# The name of a database: that of its folder in workloads/databases/.
type DatabaseName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
type Option = str | int | float | bool | None


class Pool(Strict):
    """Database connections of one worker process: opened before the first request."""

    #: connections that a worker opens before its first request
    size: Annotated[int, Field(ge=1, le=150)] = 10
    overflow: Annotated[int, Field(ge=0, le=150)] = 0  #: connections that it may open beyond them


class Cache(Strict):
    """Answers of reading queries, kept by each worker for ``ttl_s`` seconds; 0 keeps none."""

    #: seconds for which an answer is kept; 0 keeps none
    ttl_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    #: answers that a worker keeps at most
    entries: Annotated[int, Field(ge=1, le=1_000_000)] = 1024


class Subject(Strict):
    """A service or an application on a stack with settings: what is compared.

    The service gets ``options`` and refuses those it does not know. ``burden`` is CPU time added to
    every request, as a fraction of its own. An application has ``service``, ``ref``, ``stack`` and
    ``options`` alone.
    """

    #: the application that is measured: a name of workloads/services/, or the path of a folder
    #: with a / in it, from the plan's own folder
    service: ServiceName
    #: of an application in a git repository, the branch, tag or commit to check out; without it,
    #: the folder as it is
    ref: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._/@^~-]{0,99}$")] | None = Field(
        default=None, exclude_if=lambda ref: ref is None
    )
    #: interpreter and packages, by a name of workloads/stacks/stacks.toml; without it, the stack
    #: of the service's manifest
    stack: StackName = "current"
    #: the database that it uses, by the name of a folder of workloads/databases/; without it, that
    #: of the plan
    database: DatabaseName | None = Field(default=None, exclude_if=lambda name: name is None)
    workers: Annotated[int, Field(ge=1, le=64)] = 1  #: processes that serve
    pool: Pool = Pool()  #: database connections of each worker
    framework: Literal["aiohttp", "fastapi"] = "aiohttp"  #: what serves HTTP
    cache: Cache = Cache()  #: answers of reading queries that each worker keeps
    loop: Literal["asyncio", "uvloop"] = "asyncio"  #: event loop
    json_library: Literal["stdlib", "orjson"] = "stdlib"  #: what writes the answers
    #: options of that service alone, or settings of that application; it refuses those that it does
    #: not know
    options: dict[str, Option] = Field(default_factory=dict)
    #: also let this tool of the ORM make the schema in a database of its own, and leave the subject
    #: out unless it is the lab's; the service's manifest names the tools, and the stack has it
    migrations: Annotated[Name | None, Field(exclude_if=lambda tool: tool is None)] = None
    #: CPU time added to each request, as a fraction of its own
    burden: Annotated[float, Field(ge=0, le=1)] = 0.0
