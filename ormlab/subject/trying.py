"""Tries one service: the contract, the SQL of every operation, and a short load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.work import Work
from bundle import typed
from bundle.documents.plan import Plan
from bundle.documents.results import Results
from bundle.documents.services import ContractOutcome, SchemaOutcome, Sql
from ormlab.base.errors import UsageError
from ormlab.run import subjects

if TYPE_CHECKING:
    from collections.abc import Mapping
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
    """What trying a service has shown."""

    bundle: Path  #: sealed
    subject: str  #: its name in the bundle
    schema: SchemaOutcome | None  #: the schema by a tool; None if none was to make it
    cases: int  #: of the contract; 0 if none was carried out
    broken: tuple[Broken, ...]  #: those that it breaks
    left_out: tuple[str, ...]  #: names of cases of what it declares that it cannot do; not counted
    costs: Mapping[str, Cost]  #: what each operation costs the database; empty if nobody knows
    undeclared: tuple[str, ...]  #: how that differs from its ``statements.toml``, in sentences
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
    """
    subject = {"service": _place(service), "stack": service.stack}
    if tool is not None:
        tools = service.manifest.migrations
        if tool not in tools:
            raise UsageError(
                "service-migrations",
                f"{service.name} has no migrations by {tool!r}",
                where=str(service.folder / "service.toml"),
                hint=f"it names {', '.join(tools)}" if tools else "it names no tool",
            )
        subject |= {"stack": tools[tool].stack, "migrations": tool}
    cannot = service.manifest.cannot
    workloads = {
        name: {
            "operations": [
                share | ({"limit": _LIMIT} if _is_list(share["operation"]) else {})
                for share in shares
                if share["operation"] not in cannot and share.get("loading") not in cannot
            ]
        }
        for name, shares in (("reads", _READS), ("writes", _WRITES))
    }
    return Plan.model_validate(
        {
            "schema": "plan/1",
            "name": f"check-{_subject(service)}",
            "title": f"{service.name}: contract, SQL, and {seconds:g} s of load",
            "profile": "smoke",
            "seed": 1,
            "blocks": 1,
            "dataset": {"users": 200_000, "orders": 200_000},
            "subjects": {_subject(service): subject},
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


def read(bundle: Path, service: Service) -> Examined:
    """What the bundle of such a run shows.

    Raises:
        OSError, RecordError: a document of the bundle cannot be read.
    """
    subject = _subject(service)
    contract = typed.read_if_there(bundle, ContractOutcome, subject=subject)
    sql = typed.read_if_there(bundle, Sql, subject=subject)
    results = typed.read_if_there(bundle, Results)
    return Examined(
        bundle=bundle,
        subject=subject,
        schema=typed.read_if_there(bundle, SchemaOutcome, subject=subject),
        cases=contract.cases if contract else 0,
        broken=tuple(contract.problems) if contract else (),
        left_out=tuple(contract.left_out) if contract else (),
        costs=sql.operations if sql else {},
        undeclared=tuple(Work.read(bundle).undeclared(subject)),
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


def _place(service: Service) -> str:
    """How a plan names the service."""
    return service.name if service.is_shipped else str(service.folder.resolve())


def _subject(service: Service) -> str:
    """The name of a service as a plan names a subject."""
    return service.name.replace("_", "-")


def _is_list(operation: str) -> bool:
    return operation.startswith(("list-", "users-with")) or operation == "user-orders"
