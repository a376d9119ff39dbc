"""From the readings of a host and a profile to findings, and to one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis import limits
from bundle.display import by_reason, quantity
from bundle.documents.host import Reading
from bundle.documents.results import GateVerdict
from host.items import BY_AREA
from host.levels import MEANINGS, TIERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.documents.host import HostReadings, Value
    from host.expectation import Expectation
    from host.item import Item
    from host.levels import Profile, Tier

_NAMED = 4  # findings that the sentence names; the table has them all
_NEVER_TAKEN = Reading(value=None, unit=None, reason="this reading was not taken")
_WORDS = {
    GateVerdict.PASSED: "ok",
    GateVerdict.UNKNOWN: "unknown",
    GateVerdict.WARNING: "warning",
    GateVerdict.FAILED: "fatal",
}


@dataclass(frozen=True)
class Finding:
    """One reading, judged."""

    key: str
    area: str  #: the heading that it is shown under
    value: Value  #: None where it could not be read; ``reason`` then says why
    unit: str | None
    should_be: str  #: in words, under the profile
    verdict: GateVerdict
    why: str  #: the reading matters
    do: str  #: to bring it to what it should be
    reason: str | None

    @property
    def word(self) -> str:
        """The verdict as documents on a host have it: ok, warning, fatal or unknown."""
        return _WORDS[self.verdict]

    @property
    def shown(self) -> str:
        """The value with its unit; without a value the reason."""
        if self.value is None:
            return f"unknown, {self.reason}"
        return limits.shown(self.value, self.unit)

    @property
    def said(self) -> str:
        """The finding as a phrase: ``thp is always (should be madvise or never)``."""
        return f"{self.key} is {self.shown} (should be {self.should_be})"


def judge(document: HostReadings, profile: Profile) -> tuple[Finding, ...]:
    """Judge the readings of a host, those that are missing included.

    Args:
        document: such as ``host/readings.before.json``.
        profile: of the plan.
    """
    tier = _tier(document)
    return tuple(
        _judge(item, item.expected, document, area=area, profile=profile, tier=tier)
        for area, items in BY_AREA.items()
        for item in items
        if item.expected
    )


def _judge(
    item: Item,
    expected: Expectation,
    document: HostReadings,
    *,
    area: str,
    profile: Profile,
    tier: Tier | None,
) -> Finding:
    reading = _reading(document, item.key)
    limit = expected.under(profile)
    severity = expected.rule.severity(profile, tier)
    return Finding(
        key=item.key,
        area=area,
        value=reading.value,
        unit=reading.unit,
        should_be=limits.says(limit, item.unit),
        verdict=limits.judge(reading.value, limit, severity, required=expected.required),
        why=item.why,
        do=item.do,
        reason=reading.reason,
    )


def best_profile(document: HostReadings) -> Profile:
    """The strictest profile that a host could be asked for: vm below a hypervisor."""
    return "bare-metal" if _is_bare(document) else "vm"


def tier_meaning(document: HostReadings) -> str:
    """What the tier of a host means, in one sentence."""
    tier = _tier(document)
    if tier is None:
        return f"the tier is not known: {_reading(document, 'tier').reason or 'no such tier'}"
    return f"tier {tier}: {MEANINGS[tier]}"


def sentence(document: HostReadings, findings: Sequence[Finding], profile: Profile) -> str:
    """Say whether the host can measure, for which profile, and what makes it weak."""
    fatal = [finding for finding in findings if finding.verdict is GateVerdict.FAILED]
    weak = "; ".join(_weaknesses(document, findings))
    if fatal:
        return f"This host must not be measured on as {profile}: {_named(fatal)} ({weak})."
    return f"This host can measure as {profile} ({weak})."


def _weaknesses(document: HostReadings, findings: Sequence[Finding]) -> list[str]:
    kind = "machine" if _is_bare(document) else "VM"
    cores = _reading(document, "cores").value or "?"
    weaknesses = [f"{cores}-core {kind}, tier {_tier(document) or 'unknown'}"]
    warnings = [finding.key for finding in findings if finding.verdict is GateVerdict.WARNING]
    if warnings:
        weaknesses.append(f"{quantity(len(warnings), 'warning')}: {_listed(warnings)}")
    if unknown := unknown_said(findings, most=_NAMED):
        weaknesses.append(unknown)
    return weaknesses


def unknown_said(findings: Sequence[Finding], *, most: int | None = None) -> str:
    """The readings that are neither good nor bad, with the reasons: ``unknown: boost (why)``.

    Empty if there are none. Of more than ``most``, the rest is counted.
    """
    unknown = {
        each.key: each.reason or "" for each in findings if each.verdict is GateVerdict.UNKNOWN
    }
    if not unknown:
        return ""
    named = dict(list(unknown.items())[:most])
    return f"unknown: {by_reason(named)}{_more(len(unknown) - len(named))}"


def _reading(document: HostReadings, key: str) -> Reading:
    return document.readings.get(key, _NEVER_TAKEN)


def _tier(document: HostReadings) -> Tier | None:
    return next((tier for tier in TIERS if tier == _reading(document, "tier").value), None)


def _is_bare(document: HostReadings) -> bool:
    return _reading(document, "virtualisation").value in (None, "none")


def _named(findings: Sequence[Finding]) -> str:
    rest = len(findings) - _NAMED
    more = [f"and {rest} more"] if rest > 0 else []
    return "; ".join([*(finding.said for finding in findings[:_NAMED]), *more])


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_NAMED]) + _more(len(keys) - _NAMED)


def _more(rest: int) -> str:
    return f" and {rest} more" if rest > 0 else ""
