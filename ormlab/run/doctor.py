"""``ormlab doctor``: can the hosts of an inventory measure, and how finely?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.host import Finding, best_profile, judge
from bundle import typed
from bundle.read import Bundle
from host.spinning import SECONDS
from ormlab import plan
from ormlab.base import checkout
from ormlab.base.errors import LoadError
from ormlab.hosts import connected
from ormlab.run.measure import ports
from ormlab.run.measure.deployment import deploy
from ormlab.run.stages import run

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.noise import NoiseFloor
    from bundle.documents.host import HostReadings
    from bundle.documents.results import GateVerdict
    from host.levels import Profile
    from ormlab.hosts.inventory import Inventory
    from ormlab.plan import Plan
    from ormlab.run.progress import Progress

_PLAN = checkout.PLANS / "noise.yaml"
_SUBJECTS = 4  # whose ports are tried: no plan says yet how many a run needs


@dataclass(frozen=True)
class Examination:
    """The readings of one host, judged."""

    host: str  #: its name in the inventory
    profile: Profile  #: they were judged under
    readings: HostReadings  #: of the host
    findings: tuple[Finding, ...]  #: one for each reading

    def of(self, *verdicts: GateVerdict) -> list[Finding]:
        """The findings with one of these verdicts."""
        return [finding for finding in self.findings if finding.verdict in verdicts]


@dataclass(frozen=True)
class Noise:
    """What a short run of one service against itself showed."""

    bundle: Path  #: its folder, which is kept
    floor: NoiseFloor  #: the noise floor of the host, computed from it


def examine(
    inventory: Inventory, profile: Profile | None, progress: Progress, *, jitter: bool
) -> list[Examination]:
    """Take and judge the readings of every host.

    Args:
        inventory: the hosts.
        profile: to judge under; None for the strictest one that each host could be asked for.
        progress: receives the news.
        jitter: whether the measured CPUs spin to find out what else runs there.

    Raises:
        ProvisioningError: a host could not be reached or set up.
    """
    examined = []
    with connected(inventory.hosts) as hosts:
        for name, host in hosts.items():
            progress.stage(f"{name}: deploying the agent")
            deployment = deploy(host)
            spins = f", spinning for {SECONDS:g} s" if jitter else ""
            progress.stage(f"{name}: watching for a second{spins}")
            roles, apart = inventory.roles_of(host.spec), len(inventory.hosts) > 1
            settled = ports.settle(deployment, roles, _SUBJECTS, apart=apart)
            jitter_s = SECONDS if jitter else 0
            readings = deployment.readings(settled.all, jitter_s=jitter_s)
            wanted = profile or best_profile(readings)
            examined.append(Examination(name, wanted, readings, judge(readings, wanted)))
    return examined


def measure_noise(
    inventory: Inventory, bundles: Path, examined: list[Examination], progress: Progress
) -> Noise:
    """Run one service against itself for about 90 seconds, and compute the noise floor.

    Raises:
        UsageError: the inventory has several hosts.
        LoadError: the run could not be set up, or too few of its trials succeeded.
    """
    wrk = all(each.readings.readings["wrk"].value != "none" for each in examined)
    folder = run(noise_plan(wrk=wrk), inventory, bundles, progress)
    from analysis.noise import noise_floor  # noqa: PLC0415 - scipy, which a mere look does without

    try:
        return Noise(folder, noise_floor(Bundle.open(folder), typed.read_plan(folder)))
    except ValueError as problem:
        raise LoadError(
            "noise-unknown",
            f"the noise floor cannot be computed: {problem}",
            where=str(folder),
            hint="`ormlab judge` of that bundle shows why its trials failed",
        ) from None


def noise_plan(*, wrk: bool) -> Plan:
    """The shipped plan with the one load that the host can drive."""
    shipped = plan.load(str(_PLAN))
    kept = "wrk" if wrk else "client"
    return shipped.model_copy(update={"loads": {kept: shipped.loads[kept]}})
