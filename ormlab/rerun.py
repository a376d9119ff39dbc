"""``ormlab rerun``: the plan, locks and inputs of a bundle once more, on this host.

The stacks are made from the locks that the bundle holds, not from today's. What of the inputs
cannot be honoured is refused; a source that differs is said, and stands in the new bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ormlab.bundle.codec import serialise
from ormlab.bundle.read import Bundle
from ormlab.run import hosts, inputs
from ormlab.run.stages import carry_out

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.inventory import Inventory
    from ormlab.progress import Progress

SCHEMA = "rerun/1"


@dataclass(frozen=True)
class Request:
    """What is to be run again.

    Attributes:
        bundle: a sealed bundle.
        inventory: where.
        bundles: folder that takes the new bundle.
    """

    bundle: Path
    inventory: Inventory
    bundles: Path


def rerun(request: Request, progress: Progress) -> Path:
    """Run a bundle's plan again; returns the folder of the new bundle, which names the old seal.

    Raises:
        BundleError: the bundle does not reach L1.
        UsageError: its plan or its stacks cannot be what they were.
        LoadError: this host lacks the generator of a load that was driven.
        LabError: as `ormlab.run.run`.
    """
    original = Bundle.open(request.bundle, level="L1")
    with hosts.reached(request.inventory) as place:
        stacks_folder = inputs.recorded_stacks(original.path, place.scratch / "stacks")
        resolved = inputs.resolve_again(original.path, stacks_folder)
        for said in inputs.require_honoured(original.path, resolved):
            progress.warn(said)
        loads = resolved.plan.loads
        driven = {name: loads[name] for name in loads if name not in resolved.omitted_loads}
        if lacking := hosts.undrivable(place, driven):
            raise hosts.generator_missing(place, lacking)
        origin = {"schema": SCHEMA, "bundle": original.record.id, "seal": original.seal}
        return carry_out(
            place,
            resolved,
            request.bundles,
            progress,
            origin={inputs.RERUN: serialise(origin)},
        )
