"""A slowdown above which a comparison counts as failed, for a check that runs on every change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from analysis.inference.interval import margin_band
from ormlab.base.errors import UsageError

if TYPE_CHECKING:
    from bundle.documents.results import Judged

_FORM = re.compile(r"slower:(?P<share>[0-9]+(?:\.[0-9]+)?) ?%")
_MOST = 1.0
_DECIDED = ("FASTER", "NEGLIGIBLE", "EQUIVALENT")


class Outcome(StrEnum):
    """Whether a comparison kept the limit."""

    KEPT = "kept"
    EXCEEDED = "exceeded"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Limit:
    """The candidate may be worse by less than this share of the baseline's figure."""

    share: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``slower:5%``.

        Raises:
            UsageError: it has another form.
        """
        found = _FORM.fullmatch(text)
        share = float(found["share"]) / 100 if found else 0.0
        if not 0 < share < _MOST:
            raise UsageError(
                "limit-invalid",
                f"{text!r} is no limit",
                where="--fail-if",
                hint="write slower:5%, above 0 and below 100 %",
            )
        return cls(share)

    def judge(self, found: Judged) -> Outcome:
        """Hold a judged comparison against the limit.

        It is exceeded if the verdict is SLOWER and the ratio lies at the limit or beyond. It is
        kept if the verdict is another one that decides, or if the interval of a valid comparison
        does not reach the limit. Everything else is undecided: a run that says nothing must not
        pass for one that says yes.
        """
        band = margin_band(self.share)
        higher_is_better = found.better == "higher"

        def is_beyond(ratio: float) -> bool:
            return ratio <= band.low if higher_is_better else ratio >= band.high

        word = str(found.verdict)
        if word == "SLOWER":
            return Outcome.EXCEEDED if is_beyond(found.ratio) else Outcome.KEPT
        if word in _DECIDED:
            return Outcome.KEPT
        worst = found.low if higher_is_better else found.high
        is_valid = word.startswith("INCONCLUSIVE")
        if is_valid and worst is not None and not is_beyond(worst):
            return Outcome.KEPT
        return Outcome.UNDECIDED
