"""From the readings of a host and a profile to findings, and to one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.host import processor, surroundings, system
from analysis.host.expectation import Area, Expectation, Profile, Verdict, shown
from bundle.documents.host import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bundle.documents.host import HostReadings

PROFILES: tuple[Profile, ...] = ("smoke", "vm", "bare-metal")
EXPECTATIONS: tuple[Expectation, ...] = (
    *processor.EXPECTATIONS,
    *system.EXPECTATIONS,
    *surroundings.EXPECTATIONS,
)
_TIERS = {
    "exclusive-l3": "the service has an L3 cache of its own, and no purpose shares a core",
    "exclusive-core": "no purpose shares a core, but all share the L3 cache",
    "degraded": "generator and housekeeping share a core, on two cores with PostgreSQL too: good "
    "for smoke tests and estimates",
    "none": "everything shares one core: nothing can be told apart",
}
_NAMED = 4  # findings that the sentence names; the table has them all


@dataclass(frozen=True)
class Finding:
    """One reading, judged.

    Attributes:
        key: of the reading.
        area: it is shown under.
        value: None where it could not be read.
        unit: of the value.
        should_be: in words, under the profile.
        verdict: ok, warning, fatal or unknown.
        why: it matters.
        do: about it.
        reason: why it could not be read; None where it could.
    """

    key: str
    area: Area
    value: object
    unit: str | None
    should_be: str
    verdict: Verdict
    why: str
    do: str
    reason: str | None

    @property
    def said(self) -> str:
        """One phrase: ``thp is always (should be madvise or never)``."""
        value = "unknown" if self.value is None else shown(self.value, self.unit)
        return f"{self.key} is {value} (should be {self.should_be})"


def judge(document: HostReadings, profile: Profile) -> tuple[Finding, ...]:
    """Judge the readings of a host, those that are missing included.

    Args:
        document: of the schema host-readings/1, such as ``host/readings.before.json``.
        profile: of the plan.
    """
    return tuple(_judge(each, document.readings, profile) for each in EXPECTATIONS)


def _judge(expectation: Expectation, readings: Mapping[str, Reading], profile: Profile) -> Finding:
    missing = Reading(value=None, unit=None, reason="this reading was not taken")
    reading = readings.get(expectation.key, missing)
    return Finding(
        key=expectation.key,
        area=expectation.area,
        value=reading.value,
        unit=reading.unit,
        should_be=expectation.limits[profile].says,
        verdict=expectation.verdict(reading.value, profile),
        why=expectation.why,
        do=expectation.do,
        reason=reading.reason,
    )


def best_profile(document: Mapping[str, Any]) -> Profile:
    """The strictest profile that a host could be asked for: vm below a hypervisor."""
    hypervisor = document["readings"]["virtualisation"]["value"]
    return "bare-metal" if hypervisor in {None, "none"} else "vm"


def tier_meaning(document: Mapping[str, Any]) -> str:
    """What the tier of a host means, in one sentence."""
    tier = document["readings"]["tier"]["value"]
    if tier is None:
        return "the tier is not known"
    return f"tier {tier}: {_TIERS[tier]}"


def sentence(document: Mapping[str, Any], findings: Sequence[Finding], profile: Profile) -> str:
    """Say whether the host can measure, for which profile, and what makes it weak."""
    fatal = [finding for finding in findings if finding.verdict is Verdict.FATAL]
    weak = "; ".join(_weaknesses(document, findings))
    if fatal:
        return f"This host must not be measured on as {profile}: {_named(fatal)} ({weak})."
    return f"This host can measure as {profile} ({weak})."


def _weaknesses(document: Mapping[str, Any], findings: Sequence[Finding]) -> list[str]:
    readings = {key: reading["value"] for key, reading in document["readings"].items()}
    kind = "machine" if readings["virtualisation"] in {None, "none"} else "VM"
    found = [f"{readings['cores'] or '?'}-core {kind}, tier {readings['tier'] or 'unknown'}"]
    warnings = [finding.key for finding in findings if finding.verdict is Verdict.WARNING]
    if warnings:
        found.append(f"{_count(len(warnings), 'warning')}: {_listed(warnings)}")
    unknown = [finding.key for finding in findings if finding.verdict is Verdict.UNKNOWN]
    if unknown:
        found.append(f"not readable: {_listed(unknown)}")
    return found


def _named(findings: Sequence[Finding]) -> str:
    rest = len(findings) - _NAMED
    more = [f"and {rest} more"] if rest > 0 else []
    return "; ".join([*(finding.said for finding in findings[:_NAMED]), *more])


def _listed(keys: Sequence[str]) -> str:
    rest = len(keys) - _NAMED
    return ", ".join(keys[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
