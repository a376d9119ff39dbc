"""The stages of a run in their order, and what becomes of one that is cut short."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bundle.write import BundleWriter
from ormlab.base.errors import Interrupted, LabError, LoadError
from ormlab.run import measurement, preparation, sealing
from ormlab.run.measure import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bundle.format import Omission
    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import ResolvedPlan
    from ormlab.run.hosts import Place
    from ormlab.run.measure.session import Session
    from ormlab.run.progress import Progress


@dataclass(frozen=True)
class Run:
    """What the stages of a run work with.

    Attributes:
        session: what it holds on its hosts.
        writer: of its bundle.
        progress: is told how it goes.
    """

    session: Session
    writer: BundleWriter
    progress: Progress

    @property
    def resolved(self) -> ResolvedPlan:
        """The plan."""
        return self.session.site.resolved

    @property
    def folder(self) -> Path:
        """What is kept so far."""
        return self.writer.folder

    def add(self, files: dict[str, bytes]) -> None:
        """Put files into the bundle, clean of whose host it is, each durable before the next.

        Raises:
            LoadError: a secret that the lab has drawn stands in what must be kept as it is.
        """
        redactor = self.session.redactor
        for path, data in files.items():
            if redactor.leaks(path, data):
                raise LoadError(
                    "secret-leaked",
                    f"the password of the database stands in {path}, which no bundle may hold and "
                    "which is no evidence without it",
                    where=path,
                    hint="find out which program writes it there; no trial was carried out",
                )
            self.writer.add(path, redactor.clean(path, data))


def carry_out(
    place: Place,
    resolved: ResolvedPlan,
    bundles: Path,
    progress: Progress,
    *,
    ledger: LedgerFile | None = None,
    origin: dict[str, bytes] | None = None,
) -> Path:
    """Carry out a new run; returns the folder of the sealed and judged bundle.

    Args:
        place: where.
        resolved: the plan.
        bundles: folder that takes the bundle.
        progress: is told how it goes.
        ledger: the claims that the run is to be judged by.
        origin: further inputs, of a run that repeats another.

    Raises:
        LabError: the run ended early; what was measured is sealed as aborted.
    """
    created = datetime.now(UTC).replace(microsecond=0)
    with BundleWriter.create(bundles, plan_sha256=resolved.sha256, created=created) as writer:
        with sealed_if_cut_short(writer, resolved, progress):
            keep_inputs(writer, (origin or {}) | record.inputs(resolved, ledger))
            with (
                preparation.deployed(place, resolved, progress, run_id=writer.id) as site,
                preparation.started(site, progress) as session,
            ):
                run = Run(session, writer, progress)
                preparation.examine(run)
                finish(run)
        return seal(writer, resolved, progress, place.check)


def keep_inputs(writer: BundleWriter, files: dict[str, bytes]) -> None:
    """Put what decides a run into its bundle, as it is: digests elsewhere name these files."""
    for path, data in files.items():
        writer.add(path, data)


def finish(run: Run) -> None:
    """Measure what is still due, and look at the host once more."""
    measurement.measure(run)
    run.add(record.host_after(run.session))


def seal(
    writer: BundleWriter,
    resolved: ResolvedPlan,
    progress: Progress,
    check: Callable[[], None],
    omitted: tuple[Omission, ...] = (),
) -> Path:
    """Seal a run that came to its end, and judge it.

    Args:
        writer: of its bundle.
        resolved: its plan.
        progress: is told how it goes.
        check: raises KeyboardInterrupt when the user wants to stop.
        omitted: as `ormlab.run.sealing.seal`.

    Raises:
        Interrupted: somebody asked to stop meanwhile; the bundle is whole all the same.
    """
    progress.stage("sealing and judging")
    sealed = sealing.seal(writer, resolved, omitted=omitted)
    try:
        check()
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted",
            "somebody asked to stop when all was measured",
            where=str(sealed),
            hint="the run is sealed as a whole one; `ormlab report` shows what it found",
        ) from None
    return sealed


@contextmanager
def sealed_if_cut_short(
    writer: BundleWriter, resolved: ResolvedPlan, progress: Progress
) -> Iterator[None]:
    """Seal what was measured, whichever way it ends; a run without a trial leaves nothing.

    What the run holds on its hosts is given back inside of this.

    Raises:
        Interrupted: somebody asked to stop.
        LabError: whatever ended it, with a word about where the trials are.
    """
    try:
        yield
    except KeyboardInterrupt:
        count = len(writer.closed_trials())
        raise Interrupted(
            "interrupted",
            f"the run was interrupted after {count} trials",
            where=str(_abort(writer, resolved, progress) or ""),
            hint="what was measured is sealed as aborted; `ormlab judge` shows what it holds",
        ) from None
    except LabError as problem:
        sealed = _abort(writer, resolved, progress)
        problem.hint += f"; what was measured is in {sealed}" if sealed else ""
        raise


def _abort(writer: BundleWriter, resolved: ResolvedPlan, progress: Progress) -> Path | None:
    if writer.closed_trials():
        progress.stage("sealing and judging")
        return sealing.seal(writer, resolved, aborted=True)
    writer.close()
    shutil.rmtree(writer.folder)
    return None
