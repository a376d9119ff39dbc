"""Trying stacks without any load: what is run where a claim is about installing or importing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.documents.plan import DatasetSize
from bundle.format import Omission
from ormlab import plan as plans
from ormlab.reproduce import scripts
from ormlab.run import hosts
from ormlab.run.measure import record
from ormlab.run.stages import carry_out

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from ormlab.hosts.inventory import Inventory
    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import Plan, ResolvedPlan
    from ormlab.run.progress import Progress
    from ormlab.run.stages import Run

# A run of evidence/ with one stack, of which a package does not compile, took 29 s in all. A stack
# whose packages have to be compiled first takes minutes.
_AROUND_S, _STACK_S, _SCRIPT_S = 15.0, 20.0, 5.0
_FEWEST_ROWS = 1000
_NO_TRIALS = (Omission(path="trials/*", reason="the stacks were tried without any load"),)


def alone(resolved: ResolvedPlan, subjects: Collection[str]) -> ResolvedPlan:
    """The part of a plan that decides what its stacks can do.

    It keeps the plan's name, and the subjects that are asked for with one trial each.
    """
    written = resolved.plan
    workload, load = next(iter(written.workloads)), next(iter(written.loads))
    return plans.resolve(
        written.model_copy(
            update={
                "title": f"{written.title}: the stacks alone",
                "blocks": 1,
                "dataset": DatasetSize(users=_FEWEST_ROWS, orders=_FEWEST_ROWS),
                "subjects": {name: resolved.subjects[name] for name in sorted(subjects)},
                "workloads": {workload: written.workloads[workload]},
                "loads": {load: written.loads[load]},
                "comparisons": [],
                "explanation": None,
                "null_arm": None,
                "positive_control": None,
            }
        )
    )


def expected_s(resolved: ResolvedPlan, scripts: int) -> float:
    """How long it takes to try a plan's stacks and run so many scripts on them."""
    return _AROUND_S + _STACK_S * len(resolved.stacks) + _SCRIPT_S * scripts


def try_out(
    plan: Plan,
    inventory: Inventory,
    bundles: Path,
    ledger: LedgerFile,
    progress: Progress,
    *,
    due: Sequence[scripts.Due] = (),
) -> Path:
    """Make the stacks of a plan, run scripts on them, seal what became of both, and judge that.

    The bundle has no trial: all are declared omitted. `plan` is as `alone` makes it, and `ledger`
    has the claims by which the bundle is judged.

    Returns:
        The folder of the sealed and judged bundle.

    Raises:
        LabError: the host could not be reached or set up; nothing is left then.
        Interrupted: Ctrl-C or SIGTERM; nothing is left then.
    """
    resolved = plans.resolve(plan)

    def work(current: Run) -> None:
        current.add(record.host_before(current.session))
        for name, subject in current.resolved.subjects.items():
            current.add(record.stack(name, current.session.stacks[subject.stack]))
        scripts.run_all(current, due)
        current.add(record.host_after(current.session))

    inputs = record.inputs(resolved, ledger)
    with hosts.reached(inventory) as place:
        return carry_out(place, resolved, bundles, progress, inputs, work=work, omitted=_NO_TRIALS)
