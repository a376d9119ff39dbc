"""What one reading of a host should be, by profile, and how bad it is when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

type Profile = Literal["smoke", "vm", "bare-metal"]
type Area = Literal[
    "processor", "memory", "kernel", "foreign load", "limits", "network", "disk", "tools"
]
_GIB = 1 << 30


class Verdict(StrEnum):
    """What a reading comes to."""

    OK = "ok"
    WARNING = "warning"
    FATAL = "fatal"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Limit:
    """What a value must be.

    Attributes:
        says: in words, after "should be".
        holds: whether a value that could be read is so.
    """

    says: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Expectation:
    """What one reading should be.

    Attributes:
        key: of the reading.
        area: it is shown under.
        limits: by profile.
        breach: the verdict where the limit does not hold, by profile.
        why: it matters, one sentence.
        do: about it, one sentence.
        required: whether being unreadable is a breach where a breach is fatal; elsewhere what
            cannot be read is unknown.
    """

    key: str
    area: Area
    limits: Mapping[Profile, Limit]
    breach: Mapping[Profile, Verdict]
    why: str
    do: str
    required: bool = False

    def verdict(self, value: object, profile: Profile) -> Verdict:
        """Judge a value; None is one that could not be read, and never ok."""
        breach = self.breach[profile]
        if value is None:
            return breach if self.required and breach is Verdict.FATAL else Verdict.UNKNOWN
        return Verdict.OK if self.limits[profile].holds(value) else breach


GATE: Mapping[Profile, Verdict] = {
    "smoke": Verdict.WARNING,
    "vm": Verdict.WARNING,
    "bare-metal": Verdict.FATAL,
}
ADVICE: Mapping[Profile, Verdict] = dict.fromkeys(GATE, Verdict.WARNING)
ALWAYS_FATAL: Mapping[Profile, Verdict] = dict.fromkeys(GATE, Verdict.FATAL)

RECORDED = Limit("recorded", lambda _: True)
EMPTY = Limit("none", lambda value: len(value) == 0)


def everywhere(limit: Limit) -> Mapping[Profile, Limit]:
    """The same limit under every profile."""
    return {"smoke": limit, "vm": limit, "bare-metal": limit}


def graded(*, bare_metal: Limit, vm: Limit, smoke: Limit) -> Mapping[Profile, Limit]:
    """A limit for each profile."""
    return {"smoke": smoke, "vm": vm, "bare-metal": bare_metal}


def only_bare_metal(limit: Limit) -> Mapping[Profile, Limit]:
    """A limit under bare-metal; under the others the value is recorded."""
    return graded(bare_metal=limit, vm=RECORDED, smoke=RECORDED)


def one_of(*allowed: object) -> Limit:
    """One of several values."""
    words = [shown(value, None) for value in allowed]
    return Limit(" or ".join(words), lambda value: value in allowed)


def all_of(*allowed: str) -> Limit:
    """A list in which there is nothing else."""
    return Limit(" or ".join(allowed), lambda values: bool(values) and set(values) <= set(allowed))


def at_most(limit: float, unit: str | None = None) -> Limit:
    """A number up to a limit."""
    return Limit(f"at most {shown(limit, unit)}", lambda value: value <= limit)


def at_least(limit: float, unit: str | None = None) -> Limit:
    """A number from a limit on."""
    return Limit(f"at least {shown(limit, unit)}", lambda value: value >= limit)


def shown(value: object, unit: str | None) -> str:
    """A value as people read it: yes and no, lists by commas, bytes as GiB, shares as percent."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        words = ", ".join(str(each) for each in value) or "none"
        return f"{words} {unit}" if unit and value else words
    if isinstance(value, int | float):
        return _number(value, unit)
    return f"{value} {unit}" if unit and value != "none" else str(value)


def _number(value: float, unit: str | None) -> str:
    if value == 0:
        return "0"
    if unit == "bytes":
        return f"{value / _GIB:.1f} GiB"
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:g} {unit}" if unit else f"{value:,}"
