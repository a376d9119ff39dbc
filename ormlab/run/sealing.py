"""The record of a run, made from what stands in its folder; the seal; the judgement."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, UnsetType

from bundle import index, typed
from bundle.coherence import LEDGER
from bundle.documents.host import Fingerprint, Rerun
from bundle.format import BundleRecord, Omission, Plan, TrialCounts
from bundle.instants import in_order, latest_here
from bundle.read import read_trials
from ormlab.judging import judge
from ormlab.judging import ledger as ledgers
from ormlab.run import subjects
from ormlab.run.measure import record, redaction

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.write import BundleWriter
    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import ResolvedPlan


def seal(
    writer: BundleWriter,
    resolved: ResolvedPlan,
    *,
    aborted: bool = False,
    omitted: tuple[Omission, ...] = (),
) -> Path:
    """Seal a run and judge it, by the ledger that it has taken along if any.

    Args:
        writer: of the run.
        resolved: its plan.
        aborted: whether it was cut short.
        omitted: what is not there beside the trials of subjects and loads that cannot be measured.

    Returns:
        The folder of the bundle.
    """
    counts = _counts(writer.folder, len(resolved.trials))
    sealed, set_back_s = in_order(datetime.now(UTC), latest_here(writer.folder, writer.created))
    status: Literal["complete", "partial", "aborted"] = "partial" if counts.skipped else "complete"
    bundle = writer.seal(
        BundleRecord(
            id=writer.id,
            status="aborted" if aborted else status,
            tool=record.tool(writer.folder),
            plan=Plan(name=resolved.plan.name, sha256=resolved.sha256),
            ledger=ledger.sha256 if (ledger := ledger_of(writer.folder)) else None,
            host=_fingerprint(writer.folder),
            trials=counts,
            omitted=_omitted(writer, resolved) + omitted,
            redactions=(*record.REDACTIONS, *redaction.declared(writer.folder)),
            previous=index.latest(writer.folder.parent),
            created=writer.created,
            sealed=sealed,
            clock_set_back_s=set_back_s,
            interruptions=writer.interruptions or UNSET,
            rerun_of=_rerun_of(writer.folder),
        )
    )
    judge.judge(bundle, ledger_of(bundle))
    return bundle


def ledger_of(folder: Path) -> LedgerFile | None:
    """The ledger that a run has taken along, if any."""
    path = folder / LEDGER
    return ledgers.load(str(path), recorded=True) if path.exists() else None


def _counts(folder: Path, planned: int) -> TrialCounts:
    records = [trial.record for trial in read_trials(folder)]
    ends = Counter(record.status for record in records)
    return TrialCounts(
        planned=planned,
        completed=ends["completed"],
        failed=ends["failed"],
        skipped=planned - len({record.index for record in records}),
    )


def _omitted(writer: BundleWriter, resolved: ResolvedPlan) -> tuple[Omission, ...]:
    omitted = [
        Omission(path=f"trials/*-{subject}-{workload}-*", reason=reason)
        for subject, reason in subjects.unusable(writer.folder, resolved).items()
        for workload in resolved.plan.workloads
    ]
    omitted += [
        Omission(path=f"trials/*-{load}-*", reason=reason)
        for load, reason in resolved.omitted_loads.items()
    ]
    omitted += [
        Omission(
            path=f"host/resumed-{number}/postgres.log.zst",
            reason=f"the server's log until {each.resumed} was lost with the run's process",
        )
        for number, each in enumerate(writer.interruptions, start=1)
    ]
    return tuple(omitted)


def _fingerprint(folder: Path) -> str | None:
    found = typed.read_if_there(folder, Fingerprint)
    return found.sha256 if found else None


def _rerun_of(folder: Path) -> str | UnsetType:
    found = typed.read_if_there(folder, Rerun)
    return found.seal if found else UNSET
