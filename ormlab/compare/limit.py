"""A slowdown above which a comparison counts as failed, for a check that runs on every change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from analysis.inference.interval import margin_band
from bundle.documents.results import Verdict
from ormlab.base.errors import Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from bundle.documents.results import Judged

_FORM = re.compile(r"slower:(?P<share>[0-9]+(?:\.[0-9]+)?) ?%")
_MOST = 1.0
_SAYS_NOTHING = (Verdict.VOID, Verdict.ESTIMATE)
_DIRECTED = (Verdict.FASTER, Verdict.SLOWER, Verdict.NEGLIGIBLE)


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

        It is exceeded if the run found a direction (the interval excludes 1) and the ratio lies at
        the limit or beyond. It is kept if the run found a direction and the ratio lies within, or
        if the whole interval does. Everything else is undecided: a run that says nothing must not
        pass for one that says yes. The plan's margin has no part in it.
        """
        band = margin_band(self.share)
        higher_is_better = found.better == "higher"

        def is_beyond(ratio: float) -> bool:
            return ratio <= band.low if higher_is_better else ratio >= band.high

        if found.verdict in _SAYS_NOTHING:
            return Outcome.UNDECIDED
        if found.verdict in _DIRECTED:
            return Outcome.EXCEEDED if is_beyond(found.ratio) else Outcome.KEPT
        worst = found.low if higher_is_better else found.high
        return Outcome.KEPT if worst is not None and not is_beyond(worst) else Outcome.UNDECIDED


def exit_code(held: Collection[Outcome]) -> Exit:
    """How a command ends by what its candidates kept: one that exceeds the limit is enough."""
    if Outcome.EXCEEDED in held:
        return Exit.SLOWER
    return Exit.INCONCLUSIVE if Outcome.UNDECIDED in held else Exit.OK
