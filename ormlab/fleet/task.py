"""What one process of a fleet does: carry out its run, and deliver the bundle.

On a node of Slurm the run writes on the node's own disk, below ``lab_root``: a network's file
system takes time from the trials, and may have no locks. The sealed bundle is copied into the
fleet's folder and renamed. A task that Slurm begins again measures everything anew: what its last
attempt measured is of another node, or of another time. The aborted bundle of an attempt that could
still seal one is delivered as well, and counts for nothing.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from bundle import names, storage
from bundle.documents.failure import Failure
from bundle.documents.host import FleetRun
from bundle.errors import BundleError
from bundle.read import Bundle
from ormlab import plan as plans
from ormlab.archive import keep
from ormlab.base.errors import LabError, UsageError
from ormlab.fleet.documents import ROOM, Attempt, Fleet, read_run, run_folder
from ormlab.fleet.launch import node_inventory, require_same_inputs
from ormlab.hosts import inventory as inventories
from ormlab.run.stages import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ormlab.fleet.place import Here
    from ormlab.hosts.inventory import Inventory
    from ormlab.run.progress import Progress

_ARRIVING: Final = ".arriving"


def carry_out(folder: Path, here: Here, progress: Progress) -> Path:
    """Carry out the run of this process; returns the delivered bundle.

    If an earlier attempt has sealed a whole one, that is returned: Slurm begins a task again also
    where it has only lost sight of the node, and there may be room now where there was none.

    Args:
        folder: of the fleet.
        here: which run this is, and where.
        progress: receives the news of the run.

    Raises:
        UsageError: the folder is not that of this fleet, or plan or source have changed.
        Interrupted: Slurm ends the task; what was measured is delivered as aborted.
        LabError: as `ormlab.run.stages.run`.
        DiskFullError: the node's disk, or that of the folder, is full.
    """
    fleet = Fleet.read(folder)
    number = here.run
    if not 1 <= number <= fleet.runs:
        raise UsageError(
            "fleet-run",
            f"the fleet has {fleet.runs} runs, and this is number {number}",
            where=str(folder),
            hint="leave it to `ormlab run --on` to begin the runs of a fleet",
        )
    target = run_folder(folder, number)
    attempt = Attempt(
        restarts=here.restarts,
        job=here.task.job if here.task else None,
        node=here.node,
        digest=here.digest,
        begun=datetime.now(UTC).replace(microsecond=0),
    )
    attempt.write(target)
    with _recorded(attempt, target):
        hosts = _hosts(fleet, here)
        # Hosts of an inventory share nothing: there this machine makes the bundle in its place.
        own = target
        if here.task:
            own = Path(hosts.app.root) / "fleets" / fleet.id / f"run-{number}"
            _deliver(own, target)  # what an earlier attempt sealed here, and had no room for there
        if there := read_run(folder, number).counting:
            return there.path
        plan = fleet.overrides.apply(plans.load(fleet.plan))
        require_same_inputs(fleet, plans.resolve(plan))
        member = FleetRun(
            schema="fleet-run/1",
            fleet=fleet.id,
            run=number,
            runs=fleet.runs,
            node=here.digest,
            slurm=here.task,
        )
        try:
            made = run(plan, hosts, own, progress, fleet=member)
        finally:
            if own != target:
                _deliver(own, target)
        return target / made.name


def _hosts(fleet: Fleet, here: Here) -> Inventory:
    """The host of this run, in all roles."""
    path = Path(fleet.inventory)
    if here.task is None:
        return inventories.alone(path, here.node)
    return node_inventory(path)


@contextmanager
def _recorded(attempt: Attempt, target: Path) -> Iterator[None]:
    """Write down why the attempt ended, if it ends with an error.

    An error that cannot be written down, because the disk is full, is printed all the same.
    """
    try:
        yield
    except (LabError, BundleError) as problem:
        said = Failure(code=problem.code, what=problem.what, where=problem.where, hint=problem.hint)
        with suppress(BundleError):
            replace(attempt, failure=said).write(target)
        raise


def _deliver(own: Path, target: Path) -> None:
    """Move every sealed bundle of a folder into another one, on another disk.

    Raises:
        DiskFullError: there is no room; the bundle stays where it is, and the hint names it.
        BundleError: the copy is not what was sealed.
    """
    for seal in sorted(own.glob(f"*/{names.SEAL}")):
        sealed = seal.parent
        staged = target / f".{sealed.name}{_ARRIVING}"
        shutil.rmtree(staged, ignore_errors=True)  # of an attempt that was killed meanwhile
        try:
            with storage.guard(target, hint=f"{ROOM}; the bundle stays on the node, in {sealed}"):
                keep.copy(sealed, staged)
                Bundle.open(staged, level="L1")
                staged.rename(target / sealed.name)
                storage.sync(target)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        shutil.rmtree(sealed)
