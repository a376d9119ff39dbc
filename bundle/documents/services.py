"""What a run found out about each subject before its trials: stack, contract, SQL, answers."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from bundle.codec import Document, Part
from bundle.documents.failure import Failure
from bundle.documents.readings import Answer, Health, Port, Stop
from bundle.values import Count


class Interpreter(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The interpreter of a stack.

    Attributes:
        version: of Python.
        implementation: such as ``cpython``.
        c_compiler: first line of its version; null if there is none, missing in older bundles.
        build: how the interpreter was built; null if it does not tell.
    """

    version: str
    implementation: str
    c_compiler: str | UnsetType | None = UNSET
    build: dict[str, str | bool | None] | None = None


class Failed(Part, frozen=True, kw_only=True):
    """A package that does not work.

    Attributes:
        package: its name.
        version: null if it is unknown.
        stage: at which it failed.
        reason: the line that says why.
        log: file beside the document that holds the rest; null without one.
    """

    package: str
    version: str | None
    stage: Literal["extension", "import", "install", "interpreter"]
    reason: str
    log: str | None


class Tried(Part, frozen=True, kw_only=True):
    """A package in an environment of its own, with its locked dependencies and no others."""

    package: str
    version: str
    ok: bool
    extensions: dict[str, bool]


class StackOutcome(Document, frozen=True, kw_only=True):
    """``services/<subject>/stack.json``: what came of building the subject's stack.

    Attributes:
        schema: the version of this format.
        stack: its name.
        ok: whether every package works.
        digest: of definition and lock.
        environment: name of its folder.
        python: the interpreter; null if there is none.
        packages: versions that were found, by name.
        extensions: whether a compiled module loads, by name.
        failures: packages that do not work.
        alone: packages that were tried by themselves after a failure.
        seconds: it took.
    """

    PATH: ClassVar[str] = "services/{subject}/stack.json"

    schema: Literal["stack/1"]
    stack: str
    ok: bool
    digest: str
    environment: str
    python: Interpreter | None
    packages: dict[str, str]
    extensions: dict[str, bool]
    failures: list[Failed]
    alone: list[Tried]
    seconds: float


class Broken(Part, frozen=True, kw_only=True):
    """A case of the contract that a service does not keep.

    Attributes:
        case: its name.
        expected: what the contract wants.
        got: what the service answered.
    """

    case: str
    expected: str
    got: str


class ContractOutcome(Document, frozen=True, kw_only=True):
    """``services/<subject>/contract.json``: the outcome of the contract's cases."""

    PATH: ClassVar[str] = "services/{subject}/contract.json"

    schema: Literal["ormlab-contract/1"]
    ok: bool
    cases: Count
    problems: list[Broken]


class Statement(Part, frozen=True, kw_only=True):
    """A statement that the server logged, and how often a request sent it."""

    text: str
    count: int


class Declared(Part, frozen=True, kw_only=True):
    """What a service says that one request of an operation costs.

    Attributes:
        statements: BEGIN, COMMIT, ROLLBACK and the reset of a session included.
        round_trips: waits of the service for the server.
    """

    statements: int
    round_trips: int


class Cost(Part, frozen=True, kw_only=True):
    """What one operation costs the database, by the server's own log.

    Attributes:
        requests: how many were looked at.
        statements: in the order they were sent.
        statements_per_request: how many.
        round_trips_per_request: messages that wait for an answer.
        rows_per_request: that the server returned or changed.
        digest: of the statements' texts.
        varies: whether two requests sent different statements.
        declared: what the service declares; null if it declares nothing.
    """

    requests: Count
    statements: list[Statement]
    statements_per_request: float
    round_trips_per_request: float
    rows_per_request: float
    digest: str
    varies: bool
    declared: Declared | None


class Sql(Document, frozen=True, kw_only=True):
    """``services/<subject>/sql.json``: what its operations cost the database.

    Attributes:
        schema: the version of this format.
        service: name of the service.
        digest: of all statements.
        mixes: by workload, the weight of each operation.
        operations: by operation.
    """

    PATH: ClassVar[str] = "services/{subject}/sql.json"

    schema: Literal["sql/1"]
    service: str
    digest: str
    mixes: dict[str, dict[str, float]]
    operations: dict[str, Cost]


class Shown(Answer, frozen=True, kw_only=True):
    """An answer of the diagnosis.

    Attributes:
        operation: that was asked.
        expected_status: by the contract.
        begins: the first bytes of the body, base64.
    """

    operation: str
    expected_status: int
    begins: str


class Answers(Document, frozen=True, kw_only=True):
    """``services/<subject>/answers.json``: what it answers to the requests of the diagnosis."""

    PATH: ClassVar[str] = "services/{subject}/answers.json"

    schema: Literal["answers/1"]
    answers: list[Shown]


class Observed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What an order that is no trial observed. The agent fills it in as it goes on.

    Attributes:
        health: of the service, if one was started.
        port: of that service.
        stop: how it ended.
        exit_status: of the program that was run.
        seconds: that program took.
    """

    health: Health | None = None
    port: Port | None = None
    stop: Stop | None = None
    exit_status: int | UnsetType = UNSET
    seconds: float | UnsetType = UNSET


class OrderOutcome(Document, frozen=True, kw_only=True):
    """``check.json``, ``diagnosis.json`` of a subject, ``floor.json`` of a load."""

    PATH: ClassVar[str] = "services/{subject}/check.json"

    failure: Failure | None
    observed: Observed


class StatementLog(Document, frozen=True, kw_only=True):
    """``host/statement-log.json``: the server's logging while trials were measured."""

    PATH: ClassVar[str] = "host/statement-log.json"

    schema: Literal["statement-log/1"]
    after: dict[str, str]
