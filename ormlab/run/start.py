"""Start a run: reach the hosts, resolve the plan, carry it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ormlab.plan import resolve
from ormlab.run import hosts
from ormlab.run.stages import carry_out

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.hosts.inventory import Inventory
    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import Plan
    from ormlab.run.progress import Progress


@dataclass(frozen=True)
class Request:
    """What a run is asked for.

    Attributes:
        plan: what to do.
        inventory: where.
        bundles: folder that takes the bundle.
        omit_missing_generators: leave out loads whose generator the host lacks, instead of
            refusing to start.
        ledger: claims that the run puts on trial: sealed into its bundle, which is judged by them.
    """

    plan: Plan
    inventory: Inventory
    bundles: Path
    omit_missing_generators: bool = False
    ledger: LedgerFile | None = None


def run(request: Request, progress: Progress) -> Path:
    """Carry out a plan and return the folder of the sealed and judged bundle.

    Raises:
        UsageError: plan and inventory do not fit.
        ProvisioningError: a host could not be reached or set up.
        LoadError: the run could not be set up.
        Interrupted: Ctrl-C or SIGTERM; what was measured is sealed as aborted.
    """
    with hosts.reached(request.inventory) as place:
        lacking = hosts.undrivable(place, request.plan.loads)
        if lacking and not request.omit_missing_generators:
            raise hosts.generator_missing(place, request.plan.loads, lacking)
        for reason in dict.fromkeys(lacking.values()):
            progress.warn(f"{reason}: the run goes without {', '.join(lacking)}")
        resolved = resolve(request.plan, omitted_loads=lacking)
        return carry_out(place, resolved, request.bundles, progress, ledger=request.ledger)
