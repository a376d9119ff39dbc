"""From a plan to the folder of a fleet, and to a submitted array of tasks."""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bundle import storage
from bundle.format import bundle_id
from ormlab import plan as plans
from ormlab.base.errors import InventoryError, PlanError
from ormlab.base.stopping import StopRequest
from ormlab.fleet import slurm
from ormlab.fleet.documents import ROOM, Fleet, run_folder
from ormlab.hosts import inventory as inventories
from ormlab.run.measure import record

if TYPE_CHECKING:
    from ormlab.hosts.inventory import Inventory
    from ormlab.plan import Overrides, ResolvedPlan

_ORMLAB = Path(sys.executable).with_name("ormlab")


@dataclass(frozen=True)
class Launched:
    """A fleet whose folder is made."""

    folder: Path
    fleet: Fleet
    interrupted: bool = False  #: whether the user asked to stop while Slurm took the job


def on_slurm(
    plan: str,
    overrides: Overrides,
    inventory: Path,
    bundles: Path,
    *,
    runs: int,
    constraint: str | None,
) -> Launched:
    """Make the folder of a fleet and submit one task for each of its runs.

    Args:
        plan: a file, or the name of one that the lab ships.
        overrides: values in place of the plan's own.
        inventory: that each node uses.
        bundles: folder that takes the folder of the fleet; every node must see it.
        runs: how many.
        constraint: feature of the nodes; None for any.

    Raises:
        UsageError: plan or inventory do not fit.
        ProvisioningError: Slurm is not here, or refuses the job; nothing is left behind.
        DiskFullError: there is no room.
    """
    node_inventory(inventory)
    fleet = _fleet(plan, overrides, inventory, runs=runs, constraint=constraint)
    folder = _make(fleet, bundles)
    task = [str(_ORMLAB), "fleet", "task", str(folder)]
    # From here on a job may exist: what stops the lab meanwhile counts once its id is known.
    with StopRequest() as interruption:
        try:
            job = slurm.submit(slurm.sbatch(folder, task, runs=runs, constraint=constraint))
        except BaseException:
            shutil.rmtree(folder)
            raise
        fleet = replace(fleet, job=job)
        fleet.write(folder)
    return Launched(folder, fleet, interruption.asked)


def on_hosts(
    plan: str, overrides: Overrides, inventory: Path, bundles: Path, *, runs: int | None
) -> Launched:
    """Make the folder of a fleet whose runs the hosts of an inventory carry out in turn.

    Args:
        plan: as in `on_slurm`.
        overrides: likewise.
        inventory: its group fleet has the hosts.
        bundles: folder that takes the folder of the fleet.
        runs: how many; None for one on each host.

    Raises:
        UsageError: plan or inventory do not fit.
        DiskFullError: there is no room.
    """
    hosts = inventories.fleet(inventory)
    number = len(hosts) if runs is None else runs
    fleet = _fleet(plan, overrides, inventory, runs=number, hosts=hosts)
    return Launched(_make(fleet, bundles), fleet)


def _fleet(
    plan: str,
    overrides: Overrides,
    inventory: Path,
    *,
    runs: int,
    constraint: str | None = None,
    hosts: tuple[str, ...] = (),
) -> Fleet:
    resolved = plans.resolve(overrides.apply(plans.load(plan)))
    file = Path(plan)
    return Fleet(
        id=bundle_id(datetime.now(UTC), resolved.sha256),
        plan=str(file.resolve()) if file.is_file() else plan,
        overrides=overrides,
        inventory=str(inventory.resolve()),
        hosts=hosts,
        inputs=inputs_digest(resolved),
        runs=runs,
        constraint=constraint,
        job=None,
    )


def _make(fleet: Fleet, bundles: Path) -> Path:
    """Make the folder of a fleet, and one for each of its runs."""
    folder = bundles.resolve() / f"fleet-{fleet.id}"
    with storage.guard(folder, hint=ROOM):
        folder.mkdir(parents=True)
        for number in range(1, fleet.runs + 1):
            run_folder(folder, number).mkdir()
    fleet.write(folder)
    return folder


def node_inventory(path: Path) -> Inventory:
    """The inventory of a node, which carries out its run alone.

    Raises:
        InventoryError: it names other hosts, or several.
    """
    inventory = inventories.load(path)
    if len(inventory.hosts) > 1 or not inventory.app.local:
        names = ", ".join(host.name for host in inventory.hosts)
        raise InventoryError(
            "fleet-inventory",
            f"a node carries out its run alone, but the inventory names {names}",
            where=str(path),
            hint="use inventory/slurm.yml, or another one with a single host and "
            "ansible_connection: local",
        )
    return inventory


def inputs_digest(resolved: ResolvedPlan) -> str:
    """Digest of all that decides a run: plan, locks, services and source."""
    files = record.inputs(resolved)
    lines = (f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def require_same_inputs(fleet: Fleet, resolved: ResolvedPlan) -> None:
    """Refuse to run something else than what was submitted.

    Raises:
        PlanError: plan, locks, services or source are not what they were.
    """
    if inputs_digest(resolved) != fleet.inputs:
        raise PlanError(
            "fleet-inputs",
            "plan, locks, services or source are not what they were when the fleet was submitted",
            where=fleet.plan,
            hint="runs of one fleet must be of one plan and one source: leave the checkout as it "
            "is while a fleet runs, and submit it again",
        )
