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
    """How severe the breach of a limit is, by profile."""

    bare_metal: Severity
    others: Severity
    #: on tiers where purposes share a core, whatever the profile; None if such a tier makes no
    #: difference
    sharing: Severity | None = None

    def severity(self, profile: Profile, tier: Tier | None) -> Severity:
        """The severity under a profile on a tier; the tier is None if it is unknown."""
        if self.sharing is not None and tier in SHARING_TIERS:
            return self.sharing
        return self.bare_metal if profile == "bare-metal" else self.others


ALWAYS = Rule(Severity.FATAL, Severity.FATAL)
HOST = Rule(Severity.FATAL, Severity.WARNING)
DOUBT = Rule(Severity.WARNING, Severity.WARNING)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a value should be: one fulfilled condition is enough; without any, all values are."""

    low: float | None = None  #: the smallest number
    high: float | None = None  #: the largest number; with ``low``, the value lies between them
    #: the allowed values; a list must not be empty and has no others
    among: tuple[str | int | bool, ...] = ()
    other_than: str | None = None  #: the only forbidden word
    begins: str | None = None  #: the beginning of a text
    empty: bool = False  #: whether a list must be empty
    said: str = ""  #: the limit in words, if the conditions do not say it best


ANY = Limit(said="recorded")
EMPTY = Limit(empty=True)


def one_of(*allowed: str | int | bool) -> Limit:
    """One of several values; a list has no others."""
    return Limit(among=allowed)


@dataclass(frozen=True)
class Expectation:
    """What one item of a host should be."""

    limit: Limit  #: under the profile bare-metal
    rule: Rule  #: how severe a breach is
    vm: Limit | None = None  #: the limit under the profile vm; None for the one of bare-metal
    smoke: Limit | None = None  #: the limit under the profile smoke; None for the one of vm
    #: whether an unreadable value is a breach where a breach is fatal; otherwise an unreadable
    #: value is unknown
    required: bool = True

    def under(self, profile: Profile) -> Limit:
        """The limit under a profile."""
        vm = self.vm or self.limit
        return {"bare-metal": self.limit, "vm": vm, "smoke": self.smoke or vm}[profile]


RECORDED = Expectation(ANY, DOUBT)
"""Nothing: the value explains results and forbids none."""
