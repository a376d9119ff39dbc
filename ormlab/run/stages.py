"""``ormlab run``: the stages of a run in their order, from a plan to the sealed bundle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bundle.codec import serialise
from bundle.documents.host import FleetRun
from bundle.write import BundleWriter
from ormlab.base.errors import LoadError
from ormlab.plan import resolve
from ormlab.run import hosts, measurement, preparation
from ormlab.run.measure import record
from ormlab.run.sealing import seal, sealed_if_cut_short

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bundle.format import Omission
    from ormlab.hosts.inventory import Inventory
    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import Plan, ResolvedPlan
    from ormlab.run.hosts import Place
    from ormlab.run.measure.session import Session
    from ormlab.run.progress import Progress


@dataclass(frozen=True)
class Run:
    """What the stages of a run work with."""

    session: Session  #: what the run holds on its hosts
    writer: BundleWriter  #: of its bundle
    progress: Progress  #: receives the news of the run

    @property
    def resolved(self) -> ResolvedPlan:
        """The plan."""
        return self.session.site.resolved

    @property
    def folder(self) -> Path:
        """The folder of the bundle."""
        return self.writer.folder

    def add(self, files: dict[str, bytes]) -> None:
        """Mask the files and put them into the bundle, each durable before the next.

        Raises:
            LoadError: a file of evidence holds a secret that the lab has drawn.
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


def run(
    plan: Plan,
    inventory: Inventory,
    bundles: Path,
    progress: Progress,
    *,
    omit_missing_generators: bool = False,
    ledger: LedgerFile | None = None,
    fleet: FleetRun | None = None,
    beforehand: Callable[[Run], None] | None = None,
) -> Path:
    """Carry out a plan and return the folder of the sealed and judged bundle.

    Args:
        plan: what to do.
        inventory: where.
        bundles: folder that takes the bundle.
        progress: receives the news of the run.
        omit_missing_generators: leave out loads whose generator the host lacks, instead of
            refusing to start.
        ledger: claims that the run puts on trial; the bundle holds them and is judged by them.
        fleet: which of several runs of this plan it is; None for a run by itself.
        beforehand: what else is done before the first trial, once the subjects are examined.

    Raises:
        UsageError: plan and inventory do not fit.
        ProvisioningError: a host could not be reached or set up.
        LoadError: the run could not be set up.
        Interrupted: Ctrl-C or SIGTERM; what was measured is sealed as aborted.
    """
    with hosts.reached(inventory) as place:
        lacking = hosts.undrivable(place, plan.loads)
        if lacking and not omit_missing_generators:
            raise hosts.generator_missing(place, plan.loads, lacking)
        for reason in dict.fromkeys(lacking.values()):
            progress.warn(f"{reason}: the run goes without {', '.join(lacking)}")
        resolved = resolve(plan, omitted_loads=lacking)

        def work(current: Run) -> None:
            preparation.examine(current)
            if beforehand:
                beforehand(current)
            finish(current)

        inputs = record.inputs(resolved, ledger)
        if fleet:
            inputs = {FleetRun.PATH: serialise(fleet), **inputs}
        number = fleet.run if fleet else 1
        return carry_out(place, resolved, bundles, progress, inputs, work=work, number=number)


def measure_all(current: Run) -> None:
    """Examine the subjects, measure every trial, and read the hosts once more."""
    preparation.examine(current)
    finish(current)


def finish(current: Run) -> None:
    """Measure what is still due, and read the hosts once more."""
    measurement.measure(current)
    current.add(record.host_after(current.session))


def carry_out(
    place: Place,
    resolved: ResolvedPlan,
    bundles: Path,
    progress: Progress,
    inputs: dict[str, bytes],
    *,
    work: Callable[[Run], None] = measure_all,
    omitted: tuple[Omission, ...] = (),
    number: int = 1,
) -> Path:
    """Carry out a new run; returns the folder of the sealed and judged bundle.

    Args:
        place: its hosts.
        resolved: its plan.
        bundles: folder that takes the bundle.
        progress: receives the news of the run.
        inputs: what decides the run, byte for byte: digests elsewhere name these files.
        work: what is done on the hosts once stacks, server and rows are ready.
        omitted: see `ormlab.run.sealing.seal`.
        number: ``first`` of `bundle.write.BundleWriter.create`.

    Raises:
        LabError: the run ended early; what was measured is sealed as aborted.
    """
    created = datetime.now(UTC).replace(microsecond=0)
    with BundleWriter.create(
        bundles, plan_sha256=resolved.sha256, created=created, first=number
    ) as writer:
        with sealed_if_cut_short(writer, resolved, progress):
            for path, data in inputs.items():
                writer.add(path, data)
            with (
                preparation.deployed(place, resolved, progress, run_id=writer.id) as site,
                preparation.started(site, progress) as session,
            ):
                work(Run(session, writer, progress))
        return seal(writer, resolved, progress, place.check, omitted)
