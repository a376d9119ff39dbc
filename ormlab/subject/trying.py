"""Tries one service: the contract, the SQL of every operation, and a short load."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.work import Work
from bundle import typed
from bundle.documents.plan import Plan
from bundle.documents.results import Results
from bundle.documents.services import ContractOutcome, SchemaOutcome, Sql
from ormlab.base.errors import UsageError
from ormlab.plan import applications
from ormlab.run import subjects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bundle.documents.services import Broken, Cost
    from workloads.services.manifest import Service

_READS: Final = (
    *({"operation": name} for name in ("read-user", "read-order", "list-users", "list-orders")),
    {"operation": "user-orders"},
    *({"operation": "users-with-orders", "loading": way} for way in ("lazy", "prefetch", "join")),
)
_WRITES: Final = tuple(
    {"operation": f"{verb}-{row}"}
    for verb in ("create", "update", "delete")
    for row in ("user", "order")
)
_LIMIT: Final = 20  # rows of a list


@dataclass(frozen=True)
class Examined:
    """What trying a service or an application has shown."""

    bundle: Path  #: sealed
    subject: str  #: its name in the bundle
    schema: SchemaOutcome | None  #: the schema by a tool; None if none was to make it
    cases: int  #: of the contract; 0 if none was carried out
    broken: tuple[Broken, ...]  #: those that it breaks
    left_out: tuple[str, ...]  #: names of cases of what it declares that it cannot do; not counted
    costs: Mapping[str, Cost]  #: what each operation costs the database; empty if nobody knows
    #: how that, or the tables that it writes, differs from what it declares, in sentences
    undeclared: tuple[str, ...]
    throughput: Mapping[str, float | None]  #: answers per second, by workload that was measured
    failures: tuple[str, ...]  #: why trials have no figures, in sentences
    why: str | None  #: why it cannot be measured; None if it can

    @property
    def ok(self) -> bool:
        """Whether it keeps the contract, can be measured and costs what it declares."""
        return not (self.why or self.broken or self.undeclared)


def plan_of(service: Service, seconds: float, tool: str | None = None) -> Plan:
    """The plan that tries a service: one block with every operation that it can do.

    Args:
        service: to try.
        seconds: of load in all.
        tool: also makes the schema, on the stack that the manifest names for it; None for no tool.

    Raises:
        UsageError: the manifest does not name the tool.
        PlanError: the manifest of an application is wrong.
    """
    rows: dict[str, object] = {"dataset": {"users": 200_000, "orders": 200_000}}
    if service.is_application:
        rows, workloads = {}, _operations(service)
    else:
        workloads = _contract(service)
    what = "effects" if service.is_application else "contract"
    return Plan.model_validate(
        {
            "schema": "plan/1",
            "name": f"check-{_subject(service)}",
            "title": f"{service.name}: {what}, SQL, and {seconds:g} s of load",
            "profile": "smoke",
            "seed": 1,
            "blocks": 1,
            **rows,
            **(
                {} if service.is_application or service.drivers() else {"database": _first(service)}
            ),
            "subjects": {_subject(service): _tried(service, tool)},
            "workloads": {name: each for name, each in workloads.items() if each["operations"]},
            "loads": {
                "client": {
                    "generator": "client-closed",
                    "connections": 16,
                    "duration_s": seconds / 2,
                    "warmup_s": 1,
                }
            },
            "comparisons": [],
        }
    )


def _first(service: Service) -> str:
    """The database that a service without PostgreSQL is tried on."""
    return next(iter(service.manifest.databases))


def _operations(service: Service) -> dict[str, dict[str, list[dict[str, object]]]]:
    """The operations of an application: those that only read, and the others."""
    told = applications.read(service).operations
    return {
        name: {"operations": [{"operation": each} for each, of in told.items() if kind(of.writes)]}
        for name, kind in (("reads", operator.not_), ("writes", bool))
    }


def _contract(service: Service) -> dict[str, dict[str, list[dict[str, object]]]]:
    """The operations of the contract that a service can do."""
    cannot = service.manifest.cannot
    return {
        name: {
            "operations": [
                share | ({"limit": _LIMIT} if _is_list(share["operation"]) else {})
                for share in shares
                if share["operation"] not in cannot and share.get("loading") not in cannot
            ]
        }
        for name, shares in (("reads", _READS), ("writes", _WRITES))
    }


def read(bundle: Path, service: Service) -> Examined:
    """What the bundle of such a run shows.

    Raises:
        OSError, RecordError: a document of the bundle cannot be read.
    """
    subject = _subject(service)
    contract = typed.read_if_there(bundle, ContractOutcome, subject=subject)
    sql = typed.read_if_there(bundle, Sql, subject=subject)
    results = typed.read_if_there(bundle, Results)
    work = Work.read(bundle)
    return Examined(
        bundle=bundle,
        subject=subject,
        schema=typed.read_if_there(bundle, SchemaOutcome, subject=subject),
        cases=contract.cases if contract else 0,
        broken=tuple(contract.problems) if contract else (),
        left_out=tuple(contract.left_out) if contract else (),
        costs=sql.operations if sql else {},
        undeclared=(*work.undeclared(subject), *_unwritten(work, service, subject)),
        throughput={
            cell.workload: cell.subjects[subject].throughput
            for cell in (results.cells if results else ())
            if subject in cell.subjects
        },
        failures=tuple(
            f"{each.trial}: {each.what}" for each in (results.failures if results else ())
        ),
        why=subjects.reason(bundle, subject),
    )


def _tried(service: Service, tool: str | None) -> dict[str, str]:
    """The service as a plan's subject."""
    place = service.name if service.is_shipped else str(service.folder.resolve())
    if tool is None:
        return {"service": place, "stack": service.stack}
    tools = {} if service.is_application else service.manifest.migrations
    if tool not in tools:
        raise UsageError(
            "service-migrations",
            f"{service.name} has no migrations by {tool!r}",
            where=str(service.folder / "service.toml"),
            hint=f"it names {', '.join(tools)}" if tools else "it names no tool",
        )
    return {"service": place, "stack": tools[tool].stack, "migrations": tool}


def _unwritten(work: Work, service: Service, subject: str) -> Iterator[str]:
    """The tables that an application writes and does not declare, and the other way round."""
    if subject not in work.effects:
        return
    operations = applications.read(service).operations.values()
    declared = {table for each in operations for table in each.writes}
    tables = work.effects[subject].tables
    changed = {
        name for name, each in tables.items() if each.inserted or each.updated or each.deleted
    }
    for table in sorted(changed - declared):
        yield f"rows of {table} changed, and no operation says that it writes them"
    for table in sorted(declared - changed):
        yield f"an operation says that it writes {table}, whose rows did not change"


def _subject(service: Service) -> str:
    """The name of a service as a plan names a subject."""
    return service.name.replace("_", "-")


def _is_list(operation: str) -> bool:
    return operation.startswith(("list-", "users-with")) or operation == "user-orders"
