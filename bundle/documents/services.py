"""What a run recorded about each subject before its trials: stack, contract, SQL, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from bundle.codec import Document, Part
from bundle.documents.failure import Failure
from bundle.documents.readings import Answer, Health, Port, Stop
from bundle.values import Count, Sha256

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServiceRecord(Document, frozen=True, kw_only=True):
    """``inputs/services/<service>.json``: a service; its files lie in the folder beside it."""

    PATH: ClassVar[str] = "inputs/services/{service}.json"

    schema: Literal["service/1"]
    service: str  #: name of its folder
    title: str  #: title for readers
    #: what writes its SQL: the service itself above its ``driver``, or an ``orm``; an
    #: ``application`` does as it likes
    kind: Literal["driver", "orm", "application"]
    package: str  #: the package that it is about; empty for an application
    #: by database, the packages of the drivers that it can use, its default first
    databases: dict[str, tuple[str, ...]]
    files: dict[str, Sha256]  #: digest of each file of its folder, by path in it

    def driver(self, options: Mapping[str, object], database: str = "postgresql") -> str | None:
        """The package that carries the SQL of a subject to its database; None if not told."""
        drivers = self.databases.get(database, ())
        chosen = options.get("driver")
        return str(chosen) if chosen in drivers else next(iter(drivers), None)


def _before(name: str, kind: Literal["driver", "orm"], package: str) -> ServiceRecord:
    return ServiceRecord(
        schema="service/1",
        service=name,
        title=name,
        kind=kind,
        package=package,
        databases={"postgresql": ("asyncpg",)},
        files={},
    )


BEFORE_RECORDS: Final = {
    each.service: each
    for each in (
        _before("asyncpg", "driver", "asyncpg"),
        _before("sqlalchemy", "orm", "sqlalchemy"),
        _before("tortoise", "orm", "tortoise-orm"),
    )
}
"""The services of bundles that were made before bundles recorded them."""


class Interpreter(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The interpreter of a stack."""

    version: str  #: version of Python
    implementation: str  #: such as ``cpython``
    #: first line of its version; null without one, missing in older bundles
    c_compiler: str | UnsetType | None = UNSET
    #: how the interpreter was built; null if it does not say
    build: dict[str, str | bool | None] | None = None


class Failed(Part, frozen=True, kw_only=True):
    """A package that does not work."""

    package: str  #: name of the package
    version: str | None  #: null if unknown
    stage: Literal["extension", "import", "install", "interpreter"]  #: stage at which it failed
    reason: str  #: the line that says why
    log: str | None  #: file beside the document with the rest of the output; null without one


class Tried(Part, frozen=True, kw_only=True):
    """A package in an environment of its own, with its locked dependencies and no others."""

    package: str
    version: str
    ok: bool
    extensions: dict[str, bool]


class StackOutcome(Document, frozen=True, kw_only=True):
    """``services/<subject>/stack.json``: the outcome of building the subject's stack."""

    PATH: ClassVar[str] = "services/{subject}/stack.json"

    schema: Literal["stack/1"]
    stack: str  #: name of the stack
    ok: bool  #: whether every package works
    digest: str  #: digest of definition and lock
    environment: str  #: name of the environment's folder
    python: Interpreter | None  #: null if there is no interpreter
    packages: dict[str, str]  #: installed version of each package
    extensions: dict[str, bool]  #: whether each compiled module loads
    failures: list[Failed]  #: packages that do not work
    alone: list[Tried]  #: packages that were tried one by one after a failure
    seconds: float  #: duration of the build


type DifferenceKind = Literal[
    "table",
    "column",
    "constraint",
    "index",
    "trigger",
    "order",
    "numbering",
    "name",
    "own table",
]
"""What of two schemas differs. `order` is that of columns, `numbering` that of an identity column
from a serial one, and an `own table` one in which a tool keeps its books."""


class SchemaDifference(Part, frozen=True, kw_only=True):
    """A difference of a schema from that of the dataset."""

    kind: DifferenceKind
    where: str  #: the table, with the column or the definition that it is about
    expected: str | None  #: what the dataset has there; null if nothing
    found: str | None  #: what the tool made there; null if nothing
    harmless: bool  #: whether it changes no measurement


class SchemaOutcome(Document, frozen=True, kw_only=True):
    """``services/<subject>/made-schema.json``: the schema as a tool of the subject's ORM makes it.

    It was made in a database of its own, and compared as pg_catalog has it. What is measured is the
    dataset's schema all the same.
    """

    PATH: ClassVar[str] = "services/{subject}/made-schema.json"

    schema: Literal["made-schema/1"]
    tool: str  #: a tool that the service's manifest names
    failure: str | None  #: why it made none; null if it did
    differences: list[SchemaDifference]  #: from the dataset's schema; empty with a failure
    same: bool  #: whether there is no failure, and no difference that changes a measurement


class ScriptOutcome(Document, frozen=True, kw_only=True):
    """``services/<subject>/script-<script>.json``: a program that ran in the subject's stack."""

    PATH: ClassVar[str] = "services/{subject}/script-{script}.json"

    schema: Literal["script/1"]
    script: str  #: name by which claims ask for it
    #: digest of the published code that it is or runs, as the ledger names it; null without any
    printed: Sha256 | None
    sha256: Sha256  #: digest of the program's file
    #: of the program, as the ledger gives them; a record from before they were kept has none
    arguments: tuple[str, ...] | UnsetType = UNSET
    #: exit status, negative for a signal; null if the program did not run to its end
    exit_status: int | None
    reason: str | None  #: why it did not; null if it did
    said: tuple[str, ...]  #: its last lines, without the code that a traceback quotes
    seconds: float | None  #: duration; null if it did not start


class Broken(Part, frozen=True, kw_only=True):
    """A case of the contract that a service breaks."""

    case: str  #: name of the case
    expected: str  #: what the contract demands
    got: str  #: what the service answered


class ContractOutcome(Document, frozen=True, kw_only=True):
    """``services/<subject>/contract.json``: the outcome of the contract's cases."""

    PATH: ClassVar[str] = "services/{subject}/contract.json"

    schema: Literal["ormlab-contract/1"]
    ok: bool
    cases: Count  #: that were asked
    problems: list[Broken]
    #: cases of what the service declares that it cannot do: nobody asked them, and none is kept
    left_out: list[str] = msgspec.field(default_factory=list)


class Statement(Part, frozen=True, kw_only=True):
    """A statement that the server logged, and how often a request sent it."""

    text: str
    count: int


class Declared(Part, frozen=True, kw_only=True):
    """What one request of an operation costs by the service's own declaration."""

    statements: int  #: including BEGIN, COMMIT, ROLLBACK and the reset of a session
    round_trips: int  #: times that the service waits for the server


class Cost(Part, frozen=True, kw_only=True):
    """What one operation costs the database, by the server's own log."""

    requests: Count  #: number of requests that were counted
    statements: list[Statement]  #: in the order in which they were sent
    statements_per_request: float
    round_trips_per_request: float  #: times that a request waits for the server
    rows_per_request: float  #: rows that the server returned or changed
    digest: str  #: digest of the statements' texts
    varies: bool  #: whether two requests sent different statements
    declared: Declared | None  #: declaration of the service; null without one


class Sql(Document, frozen=True, kw_only=True):
    """``services/<subject>/sql.json``: what its operations cost the database."""

    PATH: ClassVar[str] = "services/{subject}/sql.json"

    schema: Literal["sql/1"]
    service: str  #: name of the service
    digest: str  #: digest of all statements
    mixes: dict[str, dict[str, float]]  #: by workload, the weight of each operation
    operations: dict[str, Cost]  #: costs by operation


class Shown(Answer, frozen=True, kw_only=True):
    """An answer of the diagnosis."""

    operation: str  #: the operation of the request
    expected_status: int  #: status that the contract demands
    #: the first bytes of the body, base64; of an application's as canonical JSON
    begins: str


class Answers(Document, frozen=True, kw_only=True):
    """``services/<subject>/answers.json``: its answers to the requests of the diagnosis."""

    PATH: ClassVar[str] = "services/{subject}/answers.json"

    schema: Literal["answers/1"]
    answers: list[Shown]


class TableContent(Part, frozen=True, kw_only=True):
    """What the requests of the diagnosis did to a table, and what it holds after them."""

    inserted: Count  #: rows
    updated: Count  #: rows
    deleted: Count  #: rows
    rows: Count  #: that it holds
    sha256: Sha256  #: digest of its rows as text, sorted, without the columns that vary


class Effects(Document, frozen=True, kw_only=True):
    """``services/<subject>/effects.json``: the database after the requests of the diagnosis.

    Only applications have it: of a service the contract's cases compare the rows.
    """

    PATH: ClassVar[str] = "services/{subject}/effects.json"

    schema: Literal["effects/1"]
    tables: dict[str, TableContent]  #: by name
    #: columns, as ``TABLE.COLUMN``, that an application declares to vary
    columns_vary: list[str]


class Observed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What an order that is not a trial observed; the agent fills it in as the order proceeds."""

    health: Health | None = None  #: health of the service, if one was started
    port: Port | None = None  #: port of that service
    stop: Stop | None = None  #: how that service ended
    exit_status: int | UnsetType = UNSET  #: exit status of the program that was run
    seconds: float | UnsetType = UNSET  #: duration of that program


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
