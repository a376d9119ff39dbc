"""Checks of a comparison under load that switches between services, in ``results.json``."""

from __future__ import annotations

from bundle.codec import Part
from bundle.values import Count


class CheckedRatio(Part, frozen=True, kw_only=True):
    """A ratio that checks another one, with its 95 % interval; null with a single block."""

    ratio: float
    low: float | None
    high: float | None


class SlicedChecks(Part, frozen=True, kw_only=True):
    """What the rounds say of a ratio, which is that of all their answers over all their time."""

    blocks: Count  #: those whose rounds have both subjects, and the null arm if there is one
    rounds: Count  #: of these blocks
    slice_s: float  #: length that slices were to have
    #: most seconds that a subject took to answer every connection, warming up; null of an open loop
    set_s: float | None
    #: share of the blocks' time within slices, of any subject; null without a block whose trials
    #: were measured side by side
    measured: float | None
    #: by subject, percent of a core that its service used while nobody asked it; null if unread
    resting: dict[str, float | None]
    totals: float | None  #: geometric mean over blocks of the ratio of all answers
    #: the same of the Hodges-Lehmann estimate of the rounds' ratios; null where no round has one
    hodges_lehmann: float | None
    #: rounds without a ratio, because a slice had no answer
    without_answers: Count
    #: whether the two differ by more than the margin, so that few rounds decide the ratio
    beyond_margin: bool | None
    #: rounds that steal or foreign programs disturbed; null if that was not read
    disturbed: Count | None
    #: the comparison without them, as it is judged; another verdict makes it INCONCLUSIVE. Null
    #: where nothing was left, or the disturbance was not read
    undisturbed: CheckedRatio | None
    undisturbed_lacks: str | None  #: why it is null
    #: what a slice gains by following the candidate instead of the baseline, over blocks
    carry_over: CheckedRatio | None
    carry_over_lacks: str | None  #: why it is null
