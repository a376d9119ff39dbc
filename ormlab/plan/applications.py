"""Applications: ``application.toml`` read whole, and what a plan says of its applications."""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, ValidationError, model_validator

from bundle import places
from bundle.documents.application import (
    Application,
    ApplicationOperation,
    OperationName,
    Parameter,
    Setting,
)
from bundle.documents.base import Strict
from bundle.documents.subject import Subject
from bundle.meant import meant
from ormlab.base.errors import PlanError
from workloads.services import manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bundle.documents.plan import Plan
    from workloads.services.manifest import Service

type SqlFile = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._/-]{0,99}\.sql$")]
type Word = Annotated[str, Field(max_length=4096)]
type Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]

GIVEN: Final = frozenset(
    ("host", "port", "db_host", "db_port", "db_user", "db_password", "db_name")
)
"""Names in braces that the lab fills in at the start: where to listen, and the database."""

_KEYS: Final = frozenset(("service", "ref", "stack", "options"))  # of a subject


class Database(Strict):
    """The database of an application: made once for a run, and cloned for every trial."""

    schema_: Annotated[list[SqlFile], Field(alias="schema")]  #: SQL files that make the tables
    seed: list[SqlFile] = Field(default_factory=list)  #: SQL files that fill them
    #: a command that does what the files do not; it runs after them, in the application's folder
    command: Annotated[list[Word], Field(min_length=1)] | None = None
    #: columns, as ``TABLE.COLUMN``, whose values may differ between subjects
    varies: list[Annotated[str, Field(pattern=r"^[^.]+\.[^.]+$")]] = Field(default_factory=list)


class ApplicationManifest(Strict):
    """The keys of ``application.toml``; `workloads.services.manifest` reads the first ones too."""

    schema_: Annotated[Literal["application/1"], Field(alias="schema")]
    title: str  #: for readers
    stack: str = "current"  #: as in service.toml
    facts: list[str] = Field(default_factory=list)  #: as in service.toml
    packages: dict[str, manifest.Package] = Field(default_factory=dict)  #: as in service.toml
    own_stack: manifest.OwnStack = Field(default_factory=manifest.OwnStack)  #: as in service.toml
    #: the command that serves until SIGTERM; ``{NAME}`` stands for a setting, or for what the lab
    #: gives: host, port, db_host, db_port, db_user, db_password, db_name
    start: Annotated[list[Word], Field(min_length=1)]
    #: path that answers with 200 once it serves
    health: Annotated[str, Field(pattern=r"^/[\x21-\x7e]{0,200}$")] = "/health"
    #: variables of its processes, with ``{NAME}`` as in start; libpq's are always set
    environment: dict[Variable, Word] = Field(default_factory=dict)
    #: its settings with their values, which a plan changes by ``options``
    settings: dict[Parameter, Setting] = Field(default_factory=dict)
    database: Database  #: its tables and rows
    operations: dict[OperationName, ApplicationOperation]  #: what can be asked of it

    @model_validator(mode="after")
    def _knows_its_settings(self) -> ApplicationManifest:
        known = GIVEN | self.settings.keys()
        command = self.database.command or []
        for name in places.names([self.start, self.environment, command]):
            if name not in known:
                near = meant(name, known, "; {}")
                raise ValueError(f"{{{name}}} is neither a setting nor given by the lab{near}")
        if taken := sorted(GIVEN & self.settings.keys()):
            raise ValueError(f"settings.{taken[0]}: the lab gives a value of that name itself")
        return self


def read(service: Service) -> ApplicationManifest:
    """The manifest of an application.

    Raises:
        PlanError: it is not one; all that is wrong is named.
    """
    path = service.folder / manifest.APPLICATION
    try:
        return _read(path.read_bytes())
    except (OSError, ValidationError, ValueError) as wrong:
        raise PlanError(
            "application-invalid",
            f"the folder holds no application: {_said(wrong)}",
            where=str(path),
            hint="docs/applications.md describes every key",
        ) from None


@cache
def _read(data: bytes) -> ApplicationManifest:
    return ApplicationManifest.model_validate(tomllib.loads(data.decode()))


def _said(wrong: Exception) -> str:
    if not isinstance(wrong, ValidationError):
        return str(wrong)
    problems = wrong.errors(include_url=False)
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'the file'}: "
        f"{each['msg'].removeprefix('Value error, ')}"
        for each in problems
    )


def described(plan: Plan, found: Mapping[str, Service]) -> Application | None:
    """What the applications of a plan have in common; None if its subjects are services.

    Args:
        plan: whose subjects name services alone.
        found: these services, by name.

    Raises:
        PlanError: it has services as well, or a key that applications do not have; an application
            is wrong, or has other operations than another one.
    """
    applications = {
        name: subject
        for name, subject in plan.subjects.items()
        if found[subject.service].is_application
    }
    if not applications:
        if plan.dataset is None:
            raise _refused(plan, "dataset", "a plan of services has one", "docs/plans.md shows it")
        return None
    _require_fit(plan, applications)
    operations: dict[str, ApplicationOperation] = {}
    vary: set[str] = set()
    for name, subject in applications.items():
        told = read(found[subject.service])
        settings_of(subject, told, where=f"{plan.name}: subjects.{name}")
        vary |= set(told.database.varies)
        for operation in _asked(plan):
            own = told.operations.get(operation)
            if own is None:
                near = meant(operation, told.operations, "; {}")
                raise _refused(
                    plan,
                    "workloads",
                    f"{subject.service} has no operation {operation!r}{near}",
                    f"its operations are {', '.join(told.operations)}",
                )
            operations[operation] = _joined(plan, operation, operations.get(operation, own), own)
    return Application(operations=operations, columns_vary=sorted(vary))


def settings_of(subject: Subject, told: ApplicationManifest, *, where: str) -> dict[str, Setting]:
    """The settings of an application as a subject has them.

    Raises:
        PlanError: it has no such setting.
    """
    for name, value in subject.options.items():
        if name not in told.settings or value is None:
            near = meant(name, told.settings, "; {}")
            raise PlanError(
                "application-setting",
                f"{subject.service} has no setting {name!r}{near}"
                if value is not None
                else f"the setting {name!r} is null",
                where=f"{where}.options",
                hint=f"its application.toml has {', '.join(told.settings) or 'no settings'}",
            )
    given = {name: value for name, value in subject.options.items() if value is not None}
    return {**told.settings, **given}


def rows_digest(files: Mapping[str, bytes], told: ApplicationManifest, stack: str) -> str:
    """SHA-256 of all that decides the rows of an application's database, hex.

    Args:
        files: of its folder, by path.
        told: its manifest.
        stack: digest of its stack; with the whole folder it decides what a command does.
    """
    database = told.database
    steps: dict[str, object] = {
        "sql": [hashlib.sha256(files[each]).hexdigest() for each in sql_files(files, told)]
    }
    if database.command:
        steps["command"] = [*database.command, stack]
        steps["folder"] = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    return hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()


def sql_files(files: Mapping[str, bytes], told: ApplicationManifest) -> list[str]:
    """The SQL files that make the tables and fill them, in their order.

    Raises:
        PlanError: the folder lacks one.
    """
    wanted = [*told.database.schema_, *told.database.seed]
    if lacking := [each for each in wanted if each not in files]:
        raise PlanError(
            "application-sql",
            f"the folder has no file {lacking[0]}, which makes the database",
            where="application.toml: database",
            hint="name SQL files by their paths from the folder",
        )
    return wanted


def _asked(plan: Plan) -> list[str]:
    shares = [share for each in plan.workloads.values() for share in each.operations]
    return list(dict.fromkeys(share.operation for share in shares))


def _joined(
    plan: Plan, name: str, first: ApplicationOperation, other: ApplicationOperation
) -> ApplicationOperation:
    """One operation of two applications: only what may vary may differ."""
    if first.model_copy(update={"varies": other.varies}) != other:
        raise _refused(
            plan,
            "subjects",
            f"the operation {name!r} is another one in two applications",
            "the lab sends the same requests to both: make their application.toml equal there",
        )
    return first.model_copy(update={"varies": sorted({*first.varies, *other.varies})})


def _require_fit(plan: Plan, applications: Mapping[str, Subject]) -> None:
    if services := plan.subjects.keys() - applications.keys():
        raise _refused(
            plan,
            f"subjects.{min(services)}",
            "a plan compares services or applications, not both: they answer other requests",
            "leave one kind out",
        )
    if plan.dataset is not None:
        raise _refused(plan, "dataset", "applications have rows of their own", "leave this key out")
    if plan.positive_control is not None:
        raise _refused(
            plan,
            "positive_control",
            "the lab cannot slow an application down",
            "make a setting that does, and compare with it",
        )
    if plan.profilers:
        raise _refused(
            plan,
            "profilers",
            "the profilers know services of the contract alone",
            "leave this key out",
        )
    for name, subject in applications.items():
        # A sealed plan names the defaults too.
        others = [
            key
            for key, about in Subject.model_fields.items()
            if key not in _KEYS
            and getattr(subject, key) != about.get_default(call_default_factory=True)
        ]
        if others:
            raise _refused(
                plan,
                f"subjects.{name}.{others[0]}",
                "an application has no such key",
                f"it has {', '.join(sorted(_KEYS))}",
            )
    for name, workload in plan.workloads.items():
        for share in workload.operations:
            if more := share.model_dump(exclude={"operation", "weight"}, exclude_none=True):
                raise _refused(
                    plan,
                    f"workloads.{name}",
                    f"an operation of an application has no {min(more)!r}",
                    "its application.toml decides what is asked",
                )


def _refused(plan: Plan, part: str, what: str, hint: str) -> PlanError:
    return PlanError("plan-application", what, where=f"{plan.name}: {part}", hint=hint)
