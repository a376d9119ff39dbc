"""Where a run takes place, and which of its loads can be driven there."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ormlab import checkout
from ormlab.errors import LoadError, UsageError
from ormlab.hosts import Host, connected
from ormlab.interruption import Interruption
from ormlab.plan.schema import WrkLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ormlab.inventory import HostSpec, Inventory
    from ormlab.plan.schema import Load


@dataclass(frozen=True)
class Place:
    """A host that is connected, and what the orchestrator keeps at hand meanwhile.

    Attributes:
        host: carries app, db and load.
        scratch: an empty local folder, removed at the end.
        check: raises KeyboardInterrupt when the run is to stop.
    """

    host: Host
    scratch: Path
    check: Callable[[], None]

    @property
    def local(self) -> bool:
        """Whether the host is this machine."""
        return self.host.spec.local


@contextmanager
def reached(inventory: Inventory) -> Iterator[Place]:
    """Connect to the host of an inventory, and listen for the wish to stop.

    Raises:
        UsageError: the inventory has several hosts.
        ProvisioningError: the host cannot be reached.
    """
    spec = _only_host(inventory)
    checkout.STATE.mkdir(exist_ok=True)
    with (
        connected([spec]) as hosts,
        tempfile.TemporaryDirectory(dir=checkout.STATE, prefix="run-") as scratch,
        Interruption() as interruption,
    ):
        yield Place(hosts[spec.name], Path(scratch), interruption.check)


def undrivable(host: Host, loads: Mapping[str, Load]) -> dict[str, str]:
    """Loads that need wrk where there is none, each with that as the reason."""
    needing = [name for name, load in loads.items() if isinstance(load, WrkLoad)]
    if not needing or host.try_run("sh", "-c", "command -v wrk"):
        return {}
    return dict.fromkeys(needing, "wrk is not installed on the host")


def generator_missing(host: Host, lacking: Mapping[str, str]) -> LoadError:
    """The refusal to start without loads of the plan."""
    return LoadError(
        "generator-missing",
        f"wrk is not installed on {host.spec.name}, and the loads {list(lacking)} need it",
        where=host.spec.name,
        hint="`make wrk` installs it; --omit-missing-generators runs without those loads",
    )


def _only_host(inventory: Inventory) -> HostSpec:
    if len(inventory.hosts) > 1:
        names = ", ".join(host.name for host in inventory.hosts)
        raise UsageError(
            "hosts-apart",
            f"this release measures with app, db and load on one host, not on {names}",
            where="inventory",
            hint="put one host into all three groups",
        )
    return inventory.app
