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
from ormlab.run.measure.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bundle.format import Omission
    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import ResolvedPlan
    from ormlab.run.hosts import Place
    from ormlab.run.progress import Progress


@dataclass(frozen=True)
class Run:
    """What the stages of a run work with.

    Attributes:
        session: what it holds on its host.
        resolved: the plan.
        writer: of its bundle.
        progress: is told how it goes.
    """

    session: Session
    resolved: ResolvedPlan
    writer: BundleWriter
    progress: Progress

    def add(self, files: dict[str, bytes]) -> None:
        """Put files into the bundle, clean of whose host it is, each durable before the next.

        Raises:
            LoadError: a secret that the lab has drawn stands in what must be kept as it is.
        """
        for path, data in files.items():
            if self.session.redactor.leaks(path, data):
                raise LoadError(
                    "secret-leaked",
                    f"the password of the database stands in {path}, which no bundle may hold and "
                    "which is no evidence without it",
                    where=path,
                    hint="find out which program writes it there; no trial was carried out",
                )
            self.writer.add(path, self.session.redactor.clean(path, data))


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
        session = Session(
            place.hosts, resolved, run_id=writer.id, scratch=place.scratch, check=place.check
        )
        run = Run(session, resolved, writer, progress)
        with sealed_if_cut_short(run):
            run.add((origin or {}) | record.inputs(resolved, ledger))
            preparation.deploy(session, resolved, progress, place.local)
            preparation.draw(session, progress)
            preparation.start(session, resolved, progress)
            preparation.examine(run)
            finish(run)
        return seal(run, place.check)


def finish(run: Run) -> None:
    """Measure what is still due, and look at the host once more."""
    measurement.measure(run)
    run.add(record.host_after(run.session))


def seal(run: Run, check: Callable[[], None], omitted: tuple[Omission, ...] = ()) -> Path:
    """Seal a run that came to its end, and judge it.

    Args:
        run: it.
        check: raises KeyboardInterrupt when the user wants to stop.
        omitted: as `ormlab.run.sealing.seal`.

    Raises:
        Interrupted: somebody asked to stop meanwhile; the bundle is whole all the same.
    """
    run.progress.stage("sealing and judging")
    sealed = sealing.seal(run.writer, run.resolved, omitted=omitted)
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
def sealed_if_cut_short(run: Run) -> Iterator[None]:
    """Seal what was measured, whichever way it ends; a run without a trial leaves nothing.

    Raises:
        Interrupted: somebody asked to stop.
        LabError: whatever ended it, with a word about where the trials are.
    """
    try:
        with run.session:
            yield
    except KeyboardInterrupt:
        count = len(run.writer.closed_trials())
        raise Interrupted(
            "interrupted",
            f"the run was interrupted after {count} trials",
            where=str(_abort(run) or ""),
            hint="what was measured is sealed as aborted; `ormlab judge` shows what it holds",
        ) from None
    except LabError as problem:
        sealed = _abort(run)
        problem.hint += f"; what was measured is in {sealed}" if sealed else ""
        raise


def _abort(run: Run) -> Path | None:
    if run.writer.closed_trials():
        run.progress.stage("sealing and judging")
        return sealing.seal(run.writer, run.resolved, aborted=True)
    run.writer.close()
    shutil.rmtree(run.writer.folder)
    return None
