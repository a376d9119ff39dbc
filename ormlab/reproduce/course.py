"""Running what is missing, and judging all of it together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis import report
from bundle import typed
from bundle.display import quantity
from bundle.documents.results import Results
from bundle.errors import BundleError
from ormlab.base.errors import Interrupted, LabError, LoadError
from ormlab.judging import judge, verdicts
from ormlab.judging import report as reports
from ormlab.reproduce import scripts, stacks
from ormlab.run.resume import resume_if_same
from ormlab.run.stages import run

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.documents.verdicts import Judgement
    from ormlab.hosts.inventory import Inventory
    from ormlab.reproduce.proposal import Proposal, Request, Step
    from ormlab.run.progress import Progress

_GO_ON = "the same command goes on with what is missing"


@dataclass(frozen=True)
class Outcome:
    """What a reproduction came to."""

    judgement: Judgement  #: of the claims that were asked for, by all bundles
    file: Path  #: where it is stored
    reports: tuple[Path, ...]  #: one page a bundle, beside it
    failed: dict[str, LabError]  #: by plan that could not be run, why


def carry_out(proposal: Proposal, inventory: Inventory, progress: Progress) -> Outcome:
    """Run what is missing, judge every bundle by the ledger and all of them together, and report.

    A plan that cannot be run does not keep the others from it: its claims stay without a run. A run
    whose process was ended is continued, unless it was begun under other conditions.

    Raises:
        Interrupted: Ctrl-C or SIGTERM. Bundles that were sealed before stay, so that the same
            call goes on with the plans that are missing.
        BundleError: a bundle could not be written or judged.
    """
    request = proposal.request
    try:
        paths, failed = _bundles(proposal, inventory, progress)
        progress.stage(
            f"judging {quantity(len(proposal.claims), 'claim')} by {quantity(len(paths), 'bundle')}"
        )
        judgement = judge.judge_several(paths, request.ledger, only=proposal.claims, store=True)
        file = verdicts.store(judgement, request.bundles)
        pages = _report(paths, request, progress)
    except Interrupted as interrupted:
        interrupted.hint += f"; {_GO_ON}"
        raise
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted",
            "the reproduction was interrupted",
            where=str(request.bundles),
            hint=f"what was sealed stays; {_GO_ON}",
        ) from None
    return Outcome(judgement, file, pages, failed)


def _bundles(
    proposal: Proposal, inventory: Inventory, progress: Progress
) -> tuple[list[Path], dict[str, LabError]]:
    """The bundles of all steps, the oldest first; and what could not be run."""
    paths: list[Path] = []
    failed: dict[str, LabError] = {}
    missing = proposal.missing
    for step in proposal.steps:
        paths += [each.path for each in step.existing]
    for number, step in enumerate(missing, start=1):
        name = step.resolved.plan.name
        progress.stage(f"plan {number} of {len(missing)}: {name}")
        try:
            paths.append(path := _run(step, proposal, inventory, progress))
            if problem := _without_trial(path):
                raise problem
        except Interrupted:
            raise
        except LabError as problem:
            failed[name] = problem
            progress.warn(f"{name} could not be run: {problem.what}")
    # Which step comes first depends on how long its last run took; the judgement must not.
    return sorted(paths, key=lambda path: path.name), failed


def _without_trial(bundle: Path) -> LoadError | None:
    """The error of a run of which no trial may be used; its bundle is judged all the same."""
    return judge.without_trial(typed.read(bundle, Results), bundle)


def _run(step: Step, proposal: Proposal, inventory: Inventory, progress: Progress) -> Path:
    anew = "the plan is run from its beginning"
    if step.begun and (
        continued := resume_if_same(step.begun, inventory, progress, otherwise=anew)
    ):
        return continued
    plan, request = step.resolved.plan, proposal.request
    if step.stacks_only:
        return stacks.try_out(
            plan, inventory, request.bundles, request.ledger, progress, due=step.scripts
        )
    return run(
        plan,
        inventory,
        request.bundles,
        progress,
        ledger=request.ledger,
        beforehand=lambda current: scripts.run_all(current, step.scripts),
    )


def _report(paths: list[Path], request: Request, progress: Progress) -> tuple[Path, ...]:
    """Write the page of every bundle; one that has nothing to report on is no failure."""
    pages = []
    for path in paths:
        progress.stage(f"report: {path.name}")
        try:
            made = report.html(reports.make(path, request.ledger))
        except BundleError as problem:
            progress.warn(f"{path.name} has no report: {problem.what}")
            continue
        pages.append(reports.store(made, request.bundles / "reports" / f"{path.name}.html"))
    return tuple(pages)
