"""A validity gate: what must hold for a trial's figures, or a run's comparisons, to be used.

A gate reads one number from the evidence and compares it with its limits. The table of profile and
tier decides what follows from a number outside the limits, never the gate itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from analysis import limits
from analysis.rounding import amount, given
from host.expectation import Limit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bundle.documents.plan import Limit as OwnLimit
    from bundle.documents.results import GateVerdict
    from host.levels import Profile, Tier

_MOST_DIGITS = 12
type Scope = Literal["trial", "comparison", "run"]

GENERATOR = Rule(Severity.FATAL, Severity.FATAL, sharing=Severity.WARNING)


@dataclass(frozen=True)
class Reading:
    """A gate's number, in the gate's unit, and more about it in words.

    The number is None where the evidence cannot be read; the words then say why.
    """

    value: float | None
    what: str = ""


@dataclass(frozen=True)
class Gate[Evidence]:
    """One gate."""

    code: str  #: stable and short; never changes its meaning
    what: str  #: what it limits, in words, with the unit of its number
    unit: str  #: of its number
    rule: Rule  #: how severe a number outside the limits is
    #: its number from the evidence; None where the gate does not concern this evidence
    read: Callable[[Evidence], Reading | None] = field(repr=False)
    why: str  #: what a number outside the limits would do to the figures
    source: str  #: where the limit comes from
    #: what it looks at: one trial, the trials of two subjects under one load, or the run
    scope: Scope = "trial"
    low: float | None = None  #: smallest number that passes; None for no such limit
    high: float | None = None  #: largest number that passes; None for no such limit
    #: whether the number must be known under the profile bare-metal: where the gate is fatal, an
    #: unreadable one is then as bad as one outside the limits
    required: bool = True

    @property
    def limit(self) -> str:
        """The limits in words."""
        bounds = {"at least": self.low, "at most": self.high}
        words = [f"{word} {given(bound)}" for word, bound in bounds.items() if bound is not None]
        return " and ".join(words)

    @property
    def bounds(self) -> Limit:
        """The limits as a type."""
        return Limit(low=self.low, high=self.high)

    def under(self, limits: Mapping[str, OwnLimit]) -> Gate[Evidence]:
        """This gate with the limits that a plan sets for it, by code; a side left out stays."""
        own = limits.get(self.code)
        if own is None:
            return self
        low = self.low if own.low is None else own.low
        return replace(self, low=low, high=self.high if own.high is None else own.high)

    def is_loosened_by(self, limits: Mapping[str, OwnLimit]) -> bool:
        """Whether a plan's limits let a number pass that the lab's own limits do not."""
        own = self.under(limits)
        return (self.low is not None and own.low is not None and own.low < self.low) or (
            self.high is not None and own.high is not None and own.high > self.high
        )

    def excess(self, value: float) -> float:
        """How far a number lies outside the limits; 0 inside of them."""
        return limits.excess(self.bounds, value)

    def judge(self, evidence: Evidence, *, profile: Profile, tier: Tier) -> Finding | None:
        """Compare the evidence with the limits; None where the gate does not concern it."""
        reading = self.read(evidence)
        if reading is None:
            return None
        severity = self.rule.severity(profile, tier)
        required = self.required and profile == "bare-metal"
        verdict = limits.judge(reading.value, self.bounds, severity, required=required)
        return Finding(self, verdict, reading)


@dataclass(frozen=True)
class Finding:
    """What one gate says about one piece of evidence."""

    gate: Gate[Any]
    verdict: GateVerdict
    reading: Reading

    @property
    def sentence(self) -> str:
        """The finding in one sentence, with the limit."""
        what, value = self.reading.what, self.reading.value
        if value is None:
            return f"{self.gate.what}: unknown, {what or 'it could not be read'}"
        more = f"; {what}" if what else ""
        return f"{self.gate.what}: {self._shown(value)}, {self.gate.limit} allowed{more}"

    def _shown(self, value: float) -> str:
        """The number, with so many digits that it lies as the verdict says."""
        is_outside = self.gate.excess(value) > 0
        digits = next(
            (
                digits
                for digits in range(3, _MOST_DIGITS)
                if (self.gate.excess(float(f"{value:.{digits}g}")) > 0) == is_outside
            ),
            _MOST_DIGITS,
        )
        return amount(value, self.gate.unit, digits)
