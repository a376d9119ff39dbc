"""Where a run takes place, and which of its loads can be driven there."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ormlab.base import scratch
from ormlab.base.errors import Interrupted, InventoryError, LabError, LoadError
from ormlab.base.stopping import StopRequest
from ormlab.hosts import Host, connected

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from bundle.generators import Load
    from ormlab.hosts.inventory import Inventory


@dataclass(frozen=True)
class Place:
    """The connected hosts of a run, a local folder, and the question whether to stop."""

    hosts: Mapping[str, Host]  #: by role, app, db and load; one of them may carry several
    scratch: Path  #: an empty local folder, removed at the end
    check: Callable[[], None]  #: raises KeyboardInterrupt when the run is to stop

    @property
    def local(self) -> Host | None:
        """The host that is this machine, if one is."""
        return next((host for host in self.hosts.values() if host.spec.local), None)


@contextmanager
def reached(inventory: Inventory) -> Iterator[Place]:
    """Connect to the hosts of an inventory, and take note of signals to stop.

    Raises:
        InventoryError: this machine is one of several hosts, and has no address for the others.
        ProvisioningError: a host cannot be reached.
        Interrupted: a command failed after the user had asked to stop.
    """
    _require_addresses(inventory)
    with (
        connected(inventory.hosts) as hosts,
        scratch.folder() as folder,
        StopRequest() as interruption,
    ):
        by_role = {role: hosts[spec.name] for role, spec in inventory.by_role.items()}
        try:
            yield Place(by_role, folder, interruption.check)
        except LabError as problem:
            # A terminal's Ctrl-C also ends what runs for the lab on this machine: that is no fault.
            if isinstance(problem, Interrupted) or not interruption.asked:
                raise
            raise Interrupted(
                "interrupted",
                "the run was interrupted",
                where=problem.where,
                hint=problem.hint,
            ) from None


def undrivable(place: Place, loads: Mapping[str, Load]) -> dict[str, str]:
    """Loads whose program the host of the load lacks, each with that as the reason."""
    programs = {load.program for load in loads.values() if load.program}
    host = place.hosts["load"]
    missing = [each for each in programs if not host.try_run("sh", "-c", f"command -v {each}")]
    return {
        name: f"{load.program} is not installed on the host"
        for name, load in loads.items()
        if load.program in missing
    }


def generator_missing(
    place: Place, loads: Mapping[str, Load], lacking: Collection[str]
) -> LoadError:
    """The refusal to start without loads of the plan, for the first program that is missing."""
    host, first = place.hosts["load"], loads[next(iter(lacking))]
    names = [name for name in lacking if loads[name].program == first.program]
    return LoadError(
        "generator-missing",
        f"there is no {first.program} on {host.spec.name}, and the loads {names} need it",
        where=host.spec.name,
        hint=f"{first.installed_by}; --omit-missing-generators runs without those loads",
    )


def _require_addresses(inventory: Inventory) -> None:
    for spec in inventory.hosts if len(inventory.hosts) > 1 else ():
        if spec.local and not spec.variables.lab_address:
            raise InventoryError(
                "hosts-apart",
                f"{spec.name} is this machine, and the other hosts do not know where it is",
                where="inventory",
                hint="set its lab_address to the address at which they reach it",
            )
