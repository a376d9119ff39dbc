"""A comparison from its request to the sealed bundle and what it says."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analysis.inference import FEWEST_FOR_DIRECTION
from bundle import typed
from bundle.display import quantity
from bundle.documents.results import Results
from ormlab.base.errors import LoadError
from ormlab.compare import plan, stacks
from ormlab.compare.live import LiveInterval
from ormlab.judging.judge import without_trial
from ormlab.run import hosts
from ormlab.run.measure import record
from ormlab.run.stages import carry_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.documents.results import Comparison
    from ormlab.compare.plan import Request
    from ormlab.hosts.inventory import Inventory
    from ormlab.plan import ResolvedPlan
    from ormlab.run.progress import Progress


@dataclass(frozen=True)
class Outcome:
    """What a comparison came to."""

    bundle: Path  #: sealed and judged
    results: Results  #: of the bundle
    comparisons: tuple[Comparison, ...]  #: by the metric asked for, one for each candidate
    missing: LoadError | None  #: why there is none; None if there is one


@contextmanager
def decided(request: Request) -> Iterator[ResolvedPlan]:
    """The plan of a comparison; what it locks and copies is there inside this context.

    Raises:
        UsageError: the request cannot be met; the message names the part.
        ProvisioningError: the network or the disk failed.
    """
    with stacks.prepared(request.specs, request.python) as (specs, locked):
        yield plan.make(replace(request, specs=specs), locked)


def compare(
    resolved: ResolvedPlan, metric: str, inventory: Inventory, bundles: Path, progress: Progress
) -> Outcome:
    """Measure, seal and judge.

    Args:
        resolved: the plan, inside the context of `decided`.
        metric: that the comparison is by.
        inventory: where.
        bundles: folder that takes the bundle.
        progress: receives the news.

    Raises:
        LabError: as `ormlab.run.stages.run`; a subject that cannot run ends it, too.
    """
    blocks = resolved.plan.blocks
    if blocks < FEWEST_FOR_DIRECTION:
        estimate = quantity(blocks, "block gives an estimate", "blocks give an estimate")
        progress.warn(f"{estimate}: a verdict needs {FEWEST_FOR_DIRECTION}; give more time")
    with hosts.reached(inventory) as place:
        watch = LiveInterval(progress, resolved, metric)
        inputs = record.inputs(resolved)
        bundle = carry_out(place, resolved, bundles, watch, inputs)
    return read(bundle, metric)


def read(bundle: Path, metric: str) -> Outcome:
    """What a bundle, as it was judged last, says of its candidates by a metric."""
    return outcome(bundle, typed.read(bundle, Results), metric)


def outcome(bundle: Path, results: Results, metric: str) -> Outcome:
    """What the results of a bundle say of its candidates by a metric."""
    found = tuple(
        each for cell in results.cells for each in cell.comparisons if each.metric == metric
    )
    missing = None
    if not found:
        missing = without_trial(results, bundle) or LoadError(
            "nothing-compared",
            f"no two subjects can be compared by {metric}",
            where=str(bundle),
            hint=f"`ormlab judge {bundle}` says what is there",
        )
    return Outcome(bundle, results, found, missing)
