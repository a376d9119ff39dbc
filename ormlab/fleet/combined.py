"""The delivered bundles of a fleet, judged together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis import fleet as analysis
from bundle.display import quantity
from bundle.read import Bundle
from ormlab.base.errors import HostGateError, LabError, LoadError
from ormlab.fleet.documents import read_run
from ormlab.fleet.outcomes import RunOutcome, Stage
from ormlab.judging import judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.fleet import FleetComparison
    from ormlab.fleet.documents import Fleet, RunFolder


@dataclass(frozen=True)
class FleetResult:
    """What the runs of a fleet say together."""

    comparisons: tuple[FleetComparison, ...]  #: empty if nothing can be combined
    bundles: tuple[Path, ...]  #: that count, by run
    failures: tuple[LabError, ...]  #: why it is not what was asked for


def combine(folder: Path, fleet: Fleet, outcomes: Sequence[RunOutcome]) -> FleetResult:
    """Judge the whole bundles of a fleet together.

    Args:
        folder: of the fleet.
        fleet: its document.
        outcomes: of its runs, all of which have ended.

    Raises:
        BundleError: a bundle is not what its seal says.
    """
    folders = [read_run(folder, number) for number in range(1, fleet.runs + 1)]
    whole = [counting for each in folders if (counting := each.counting)]
    names = _names(folders)
    runs, classes = [], set[str | None]()
    failures: list[LabError] = []
    for each in whole:
        bundle = Bundle.open(each.path, level="L1")
        results = judge.derive(bundle).results
        classes.add(bundle.record.host)
        if problem := judge.without_trial(results, each.path):
            failures.append(problem)
        runs.append(analysis.NodeRun(names.get(each.run.node, each.run.node[:12]), results))
    failures += _incomplete(folder, outcomes)
    if len(classes) > 1:
        failures.insert(0, _different(folder, len(classes)))
        runs = []
    paths = tuple(each.path for each in whole)
    return FleetResult(analysis.compare(runs), paths, tuple(failures))


def _names(folders: Sequence[RunFolder]) -> dict[str, str]:
    """The names of nodes by their digests, as the attempts have them."""
    return {attempt.digest: attempt.node for each in folders for attempt in each.attempts}


def _different(folder: Path, classes: int) -> HostGateError:
    return HostGateError(
        "fleet-classes",
        f"the runs were on {classes} kinds of host, by their fingerprints, so nothing is combined",
        where=str(folder),
        hint="`ormlab diff` of two of the bundles says in what the hosts differ; ask for equal "
        "nodes with --constraint",
    )


def _incomplete(folder: Path, outcomes: Sequence[RunOutcome]) -> list[LabError]:
    lacking = [each for each in outcomes if each.stage is not Stage.SEALED]
    if not lacking:
        return []
    said = "\n".join(f"run {each.run} {each.said}" for each in lacking)
    hints = dict.fromkeys(each.hint for each in lacking if each.hint)
    return [
        LoadError(
            "fleet-incomplete",
            f"{quantity(len(lacking), 'run')} of {len(outcomes)} gave no bundle:\n{said}",
            where=str(folder),
            hint="; ".join(hints) or "submit the plan again for more runs",
        )
    ]
