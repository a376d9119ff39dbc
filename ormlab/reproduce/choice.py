"""The claims that were asked for, and the plans that test them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from analysis.claims import Runs, Statement, outcomes, places_of, plans_of, variants_of
from analysis.claims.ledger import Ordering, Ranking
from bundle.meant import meant
from ormlab.base.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from analysis.claims import Ledger
    from analysis.claims.ledger import Claim
    from bundle.documents.plan import Plan
    from host.levels import Profile
    from ormlab.judging.ledger import LedgerFile

_CLASS, _PHYSICAL = "host.class", "physical"


def claims(ledger: LedgerFile, patterns: Sequence[str]) -> tuple[str, ...]:
    """The claims whose ids fit any of the patterns, in the ledger's order; all without patterns.

    Raises:
        LedgerError: a pattern fits no claim.
    """
    known = list(ledger.ledger.claims)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise LedgerError(
                "claim-unknown",
                f"no claim fits {pattern!r}",
                where=str(ledger.path),
                hint=f"{meant(pattern, known, '{} ')}"
                f"`ormlab claims show {ledger.path}` lists the claims",
            )
    chosen = [name for name in known if any(fnmatchcase(name, each) for each in patterns)]
    return tuple(chosen if patterns else known)


def plans(ledger: Ledger, chosen: Collection[str]) -> dict[str, tuple[str, ...]]:
    """By plan, the chosen claims that it tests, under any assumption."""
    found: dict[str, list[str]] = {}
    for name in chosen:
        for plan in sorted(plans_of(ledger.claims[name])):
            found.setdefault(plan, []).append(name)
    return {plan: tuple(names) for plan, names in found.items()}


def tested(claim: Claim, plan: Plan) -> bool:
    """Whether a plan measures every place that a claim's own test names."""
    test = getattr(claim, "test", None)
    if isinstance(claim, Statement) or test is None or test.plan != plan.name:
        return False
    return all(
        place.subject in plan.subjects
        and (
            isinstance(claim, Runs)
            or (place.workload in plan.workloads and place.load in plan.loads)
        )
        for place in places_of(claim).values()
    )


def undecided(ledger: Ledger, name: str, profile: Profile) -> str | None:
    """Why no run under a profile decides a claim, whatever it measures; None if one may."""
    claim = ledger.claims[name]
    if any(name in check.convicts for check in outcomes(ledger)):
        return "its own arithmetic contradicts it"
    # Counts are the same on every host.
    if isinstance(claim, Statement | Ordering | Ranking | Runs) or claim.portability == "any":
        return None
    if profile == "bare-metal":
        return None
    if claim.portability == "same-fingerprint":
        return "a size that holds on the source's own machine"
    for condition in ledger.conditions_of(claim).values():
        published = str(condition.value)
        binds = condition.reading == _CLASS and condition.material
        if binds and published.startswith(_PHYSICAL):
            return f"a size that holds on a host of the class {published!r}"
    return None


def stacks_alone(ledger: Ledger, chosen: Collection[str]) -> frozenset[str] | None:
    """The subjects whose stacks decide the claims; None if that takes a service or a load.

    Whether a package installs and imports is seen when its stack is made.
    """
    subjects = set()
    for name in chosen:
        claim = ledger.claims[name]
        if not isinstance(claim, Runs) or claim.through == "start":
            return None
        tested = [claim, *(each for each in variants_of(claim).values() if isinstance(each, Runs))]
        subjects |= {place.subject for each in tested for place in places_of(each).values()}
    return frozenset(subjects)
