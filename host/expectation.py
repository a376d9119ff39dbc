"""What a value should be, by profile and tier, and how bad it is when it is not: plain data.

`analysis.limits` judges by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .levels import SHARING_TIERS

if TYPE_CHECKING:
    from .levels import Profile, Tier


class Severity(StrEnum):
    """What a value outside of its limit does to the figures: forbids them, or casts a doubt."""

    FATAL = "fatal"
    WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """How severe it is that a limit does not hold.

    Attributes:
        bare_metal: under the profile bare-metal.
        others: under the other profiles.
        sharing: on tiers on which purposes share a core, whatever the profile; None for no
            difference.
    """

    bare_metal: Severity
    others: Severity
    sharing: Severity | None = None

    def severity(self, profile: Profile, tier: Tier | None) -> Severity:
        """The severity under a profile on a tier; None for a tier that is not known."""
        if self.sharing is not None and tier in SHARING_TIERS:
            return self.sharing
        return self.bare_metal if profile == "bare-metal" else self.others


ALWAYS = Rule(Severity.FATAL, Severity.FATAL)
HOST = Rule(Severity.FATAL, Severity.WARNING)
DOUBT = Rule(Severity.WARNING, Severity.WARNING)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a value should be: any one of the conditions is enough, and without one any value is.

    Attributes:
        low: a number from this on.
        high: a number up to this; with ``low``, between them.
        among: one of these; of a list, that it has no other and is not empty.
        other_than: any word but this.
        begins: a text that begins so.
        empty: a list without an entry.
        said: in words, where the conditions do not say it best.
    """

    low: float | None = None
    high: float | None = None
    among: tuple[str | int | bool, ...] = ()
    other_than: str | None = None
    begins: str | None = None
    empty: bool = False
    said: str = ""


ANY = Limit(said="recorded")
EMPTY = Limit(empty=True)


def one_of(*allowed: str | int | bool) -> Limit:
    """One of several values; of a list, nothing else in it."""
    return Limit(among=allowed)


@dataclass(frozen=True)
class Expectation:
    """What one item of a host should be.

    Attributes:
        limit: under bare-metal.
        rule: how severe a breach is.
        vm: the limit under the profile vm; None for the same.
        smoke: under the profile smoke; None for that of vm.
        required: whether being unreadable is a breach where a breach is fatal; elsewhere what
            cannot be read is unknown.
    """

    limit: Limit
    rule: Rule
    vm: Limit | None = None
    smoke: Limit | None = None
    required: bool = True

    def under(self, profile: Profile) -> Limit:
        """The limit under a profile."""
        vm = self.vm or self.limit
        return {"bare-metal": self.limit, "vm": vm, "smoke": self.smoke or vm}[profile]


RECORDED = Expectation(ANY, DOUBT)
"""Nothing: the value explains results and forbids none."""
