"""The claims that were asked for, and the plans that test them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from analysis.claims import Runs, places_of, plans_of, variants_of
from ormlab.base.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from analysis.claims import Ledger
    from ormlab.judging.ledger import LedgerFile


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
                hint=f"`ormlab claims show {ledger.path}` lists the claims",
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
