"""Seal a run from the files in its folder, whichever way it ended, and judge the bundle."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET

from bundle import index, typed
from bundle.coherence import LEDGER
from bundle.display import quantity
from bundle.documents.host import Fingerprint, Rerun
from bundle.format import BundleRecord, Omission, Plan, TrialCounts
from bundle.instants import in_order, latest_here
from bundle.read import read_trials
from ormlab.base.errors import Interrupted, LabError
from ormlab.judging import judge
from ormlab.judging import ledger as ledgers
from ormlab.run import subjects
from ormlab.run.measure import record, redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bundle.write import BundleWriter
    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import ResolvedPlan
    from ormlab.run.progress import Progress


def seal(
    writer: BundleWriter,
    resolved: ResolvedPlan,
    progress: Progress,
    check: Callable[[], None],
    omitted: tuple[Omission, ...] = (),
) -> Path:
    """Seal a run that came to its end, and judge it by its ledger if it has one.

    Args:
        writer: of its bundle.
        resolved: its plan.
        progress: receives the news of the run.
        check: raises KeyboardInterrupt when the user wants to stop.
        omitted: what the bundle lacks besides the trials of subjects and loads that cannot be
            measured.

    Returns:
        The folder of the bundle.

    Raises:
        Interrupted: the user asked to stop meanwhile; the bundle is whole all the same.
    """
    sealed = _seal(writer, resolved, progress, omitted=omitted)
    try:
        check()
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted",
            "the stop request came after the last trial",
            where=str(sealed),
            hint="the run is sealed as a whole one; `ormlab report` shows its results",
        ) from None
    return sealed


@contextmanager
def sealed_if_cut_short(
    writer: BundleWriter, resolved: ResolvedPlan, progress: Progress
) -> Iterator[None]:
    """Seal the closed trials of a run that ends early; a run without one leaves nothing.

    The caller releases the hosts of the run inside this context.

    Raises:
        Interrupted: the user asked to stop.
        LabError: whatever ended the run, with the place of the trials in its hint.
    """
    try:
        yield
    except KeyboardInterrupt:
        count = len(writer.closed_trials())
        raise Interrupted(
            "interrupted",
            f"the run was interrupted after {quantity(count, 'trial')}",
            where=str(_abort(writer, resolved, progress) or ""),
            hint="what was measured is sealed as aborted; `ormlab judge` shows what it holds",
        ) from None
    except LabError as problem:
        sealed = _abort(writer, resolved, progress)
        problem.hint += f"; what was measured is in {sealed}" if sealed else ""
        raise


def ledger_of(folder: Path) -> LedgerFile | None:
    """The ledger among the inputs of a run; None if it has none."""
    path = folder / LEDGER
    return ledgers.load(str(path), recorded=True) if path.exists() else None


def _abort(writer: BundleWriter, resolved: ResolvedPlan, progress: Progress) -> Path | None:
    if writer.closed_trials():
        return _seal(writer, resolved, progress, aborted=True)
    writer.close()
    shutil.rmtree(writer.folder)
    return None


def _seal(
    writer: BundleWriter,
    resolved: ResolvedPlan,
    progress: Progress,
    *,
    aborted: bool = False,
    omitted: tuple[Omission, ...] = (),
) -> Path:
    progress.stage("sealing and judging")
    folder = writer.folder
    counts = _counts(folder, len(resolved.trials))
    sealed, set_back_s = in_order(datetime.now(UTC), latest_here(folder, writer.created))
    status: Literal["complete", "partial", "aborted"] = "partial" if counts.skipped else "complete"
    fingerprint = typed.read_if_there(folder, Fingerprint)
    rerun = typed.read_if_there(folder, Rerun)
    bundle = writer.seal(
        BundleRecord(
            id=writer.id,
            status="aborted" if aborted else status,
            tool=record.tool(folder),
            plan=Plan(name=resolved.plan.name, sha256=resolved.sha256),
            ledger=ledger.sha256 if (ledger := ledger_of(folder)) else None,
            host=fingerprint.sha256 if fingerprint else None,
            trials=counts,
            omitted=_omitted(writer, resolved) + omitted,
            redactions=(*record.REDACTIONS, *redaction.declared(folder)),
            previous=index.latest(folder.parent),
            created=writer.created,
            sealed=sealed,
            clock_set_back_s=set_back_s,
            interruptions=writer.interruptions or UNSET,
            rerun_of=rerun.seal if rerun else UNSET,
        )
    )
    judge.judge(bundle, ledger_of(bundle))
    return bundle


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
    reasons = [
        (f"trials/*-{subject}-{workload}-*", reason)
        for subject, reason in subjects.unusable(writer.folder, resolved).items()
        for workload in resolved.plan.workloads
    ]
    reasons += [(f"trials/*-{load}-*", why) for load, why in resolved.omitted_loads.items()]
    for number, each in enumerate(writer.interruptions, start=1):
        lost = f"the server's log until {each.resumed} was lost with the run's process"
        reasons += [
            (f"host/resumed-{number}/{record.log_of(name)}", lost)
            for name in resolved.plan.databases
        ]
    return tuple(Omission(path=path, reason=reason) for path, reason in reasons)
