"""What a reproduction would do, for how long, and what it could find; touches no host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.claims import variants_of
from analysis.inference import findable_effect
from bundle.errors import BundleError
from ormlab import plan as plans
from ormlab.judging import ledger as ledgers
from ormlab.judging.pilot import forecast
from ormlab.reproduce import choice, existing, scripts, stacks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ormlab.judging.ledger import LedgerFile
    from ormlab.judging.pilot import Forecast
    from ormlab.plan import Plan, Profile, ResolvedPlan
    from ormlab.reproduce.existing import Existing
    from ormlab.reproduce.scripts import Due

# Standard deviation of the log-ratio of a block where no earlier run tells it. Comparisons by
# throughput in the runs of evidence/, all on virtual machines with two cores, have 3 to 20 %, four
# fifths of them 5 to 14 %.
_SEEN_SD = (0.03, 0.15)


@dataclass(frozen=True)
class Request:
    """The claims to reproduce."""

    ledger: LedgerFile
    bundles: Path  #: folder in which bundles are looked for and made
    #: ids of claims, in which ``*`` stands for anything; none means all
    patterns: tuple[str, ...] = ()
    profile: Profile | None = None  #: under which plans are run; None for that of each plan
    copy: str | None = None  #: the reader's copy of the source, for the code that it prints


@dataclass(frozen=True)
class Finds:
    """The smallest relative effects that a plan's comparisons find nine times out of ten.

    Attributes:
        least, most: of all its comparisons, as fractions.
        basis: what is known of the spread, in words.
    """

    least: float
    most: float
    basis: str


@dataclass(frozen=True)
class Step:
    """One plan that tests some of the claims."""

    resolved: ResolvedPlan  #: what is run, if it has to be
    claims: tuple[str, ...]
    decides: tuple[str, ...]  #: of the claims, those that this run may decide
    #: of the claims, those that it may decide under another assumption
    varies: tuple[str, ...]
    stacks_only: bool  #: it is enough to try the stacks, without any load
    existing: tuple[Existing, ...]  #: bundles that serve in its place; with any, nothing is run
    aside: tuple[Existing, ...]  #: bundles of the same plan that do not, each with the reason
    expected_s: float  #: how long a run takes, or took when it was tried before
    at_most: bool  #: whether that is only a limit
    finds: Finds | None  #: None where nothing is compared, or no verdict is given
    begun: Path | None = None  #: a run of it whose process was ended, to go on with
    scripts: tuple[Due, ...] = ()  #: what is run on the stacks besides, without a load
    lacking: tuple[str, ...] = ()  #: names of scripts whose code the reader's copy would have

    @property
    def trials(self) -> int:
        """How many are carried out."""
        return 0 if self.stacks_only else len(self.resolved.trials)


@dataclass(frozen=True)
class LeftOut:
    """A plan that is not run under a profile."""

    plan: str
    claims: tuple[str, ...]  #: that it tests
    why: str


@dataclass(frozen=True)
class Proposal:
    """Everything that a reproduction would do for some claims."""

    request: Request
    claims: tuple[str, ...]
    steps: tuple[Step, ...]  #: what exists already first, then the shortest plan
    left_out: tuple[LeftOut, ...]  #: plans that the profile leaves out

    @property
    def missing(self) -> tuple[Step, ...]:
        """The plans that have to be run."""
        return tuple(step for step in self.steps if not step.existing)

    @property
    def trials(self) -> int:
        """How many trials those plans have together."""
        return sum(step.trials for step in self.missing)

    @property
    def expected_s(self) -> float:
        """How long they take together, seconds."""
        return sum(step.expected_s for step in self.missing)

    @property
    def at_most(self) -> bool:
        """Whether ``expected_s`` is only a limit."""
        return any(step.at_most for step in self.missing)


def propose(request: Request) -> Proposal:
    """Find out what has to be run for the claims.

    Raises:
        LedgerError: a pattern fits no claim.
        PlanError: a plan cannot be resolved.
    """
    ledger = request.ledger
    chosen = choice.claims(ledger, request.patterns)
    steps, left_out = [], []
    for name, tested in choice.plans(ledger.ledger, chosen).items():
        written = plans.load(str(ledgers.find_plan(ledger.path, name)))
        if why := _left_out(request, written, tested):
            left_out.append(LeftOut(name, tested, why))
        else:
            steps.append(_step(request, written, tested))
    steps.sort(key=lambda step: (not step.existing, step.expected_s))
    return Proposal(request, chosen, tuple(steps), tuple(left_out))


def _left_out(request: Request, written: Plan, tested: Sequence[str]) -> str | None:
    """Why the profile that was asked for does without a plan; None if it does not."""
    if request.profile is None:
        return None
    reduced = written.profiles.get(request.profile)
    if reduced and reduced.omitted:
        return reduced.omitted
    whys = [choice.undecided(request.ledger.ledger, name, request.profile) for name in tested]
    found = [f"{name}: {why}" for name, why in zip(tested, whys, strict=True) if why]
    return "; ".join(found) if len(found) == len(tested) else None


def _step(request: Request, written: Plan, tested: Sequence[str]) -> Step:
    profile = request.profile or written.profile
    name, ledger = written.name, request.ledger.ledger
    whole = plans.resolve(plans.under(written, profile) if request.profile else written)
    open_ones = [each for each in tested if not choice.undecided(ledger, each, profile)]
    own = [each for each in open_ones if choice.tested(ledger.claims[each], whole.plan)]
    varied = [
        each
        for each in open_ones
        if any(choice.tested(one, whole.plan) for one in variants_of(ledger.claims[each]).values())
    ]
    subjects = choice.stacks_alone(ledger, tested)
    due = whole if subjects is None else stacks.alone(whole, subjects)
    known = existing.of_plan(request.bundles, name)
    digests = {whole.sha256, due.sha256}
    due_here, lacking = scripts.due(ledger, tested, name, request.copy)
    serving, aside = existing.weighed(known, digests, trials=subjects is None, due=due_here)
    stacks_only = subjects is not None
    pilot = None if serving or stacks_only else _pilot(whole, known)
    guessed = plans.duration(whole)
    if stacks_only:
        expected_s, at_most = stacks.expected_s(due, len(due_here)), False
    elif pilot:
        expected_s, at_most = pilot.expected_s, False
    else:
        expected_s, at_most = guessed.expected_s + guessed.around_s, guessed.at_most
    begun = None
    if not (serving or stacks_only):
        begun = existing.begun(request.bundles, whole.sha256, due=due_here)
    return Step(
        resolved=due,
        claims=tuple(tested),
        decides=tuple(own),
        varies=tuple(varied),
        stacks_only=stacks_only,
        existing=serving,
        aside=aside,
        expected_s=expected_s,
        at_most=at_most,
        finds=None if stacks_only else _finds(whole, pilot),
        begun=begun,
        scripts=due_here,
        lacking=lacking,
    )


def _pilot(resolved: ResolvedPlan, known: Sequence[Existing]) -> Forecast | None:
    """What the newest run that is like this one tells of it."""
    for each in reversed(known):
        if each.record.trials.completed:
            try:
                return forecast(resolved, each.path)
            except BundleError:
                continue
    return None


def _finds(resolved: ResolvedPlan, pilot: Forecast | None) -> Finds | None:
    plan = resolved.plan
    if plan.profile == "smoke" or plan.blocks == 1 or not plan.comparisons:
        return None
    if pilot:
        found = [each.detectable for each in pilot.effects if each.detectable is not None]
        if found:
            return Finds(min(found), max(found), f"by the spread in {pilot.bundle}")
    least, most = (findable_effect(sd, plan.blocks, beta=plan.beta) for sd in _SEEN_SD)
    seen = " to ".join(f"{100 * sd:.0f}" for sd in _SEEN_SD)
    return Finds(least, most, f"if the ratio scatters by {seen} % from block to block")
