"""From one figure a trial to the verdict of a comparison; pure functions throughout.

    sample     one log-ratio a block: PairedSample
    verdict    all numbers of a comparison (weigh) and the table that judges them (judge_comparison)
    estimators, hypotheses, power, controls
               what weigh rests on: three methods, equivalence and families, effects, known answers
    variance   helps to plan a run
    order      says what the sequence of the trials did to it

Not yet used by results, the rule in which the null arm informs the interval:

    nullarm    the interval that A' widens, its p, early looks
    ruling     the table of its verdicts
    runs       several runs of one comparison
    slices     figures of a block in which load switches between services

The analysis returns parts of ``results.json``, so their types are in ``bundle.documents.results``.
"""

from analysis.inference.controls import null_control, positive_control, scatter
from analysis.inference.estimators import (
    estimate_ratio,
    paired_t,
    signed_rank,
    studentised_bootstrap,
)
from analysis.inference.hypotheses import ALPHA, holm, tost
from analysis.inference.interval import margin_band
from analysis.inference.order import linear_trend, order_effects
from analysis.inference.power import FEWEST_BLOCKS, blocks_needed, detectable_effect
from analysis.inference.sample import ByBlock, LogRatios, PairedSample
from analysis.inference.variance import variance_shares
from analysis.inference.verdict import Judgement, judge_comparison, weigh
from bundle.documents.results import (
    Better,
    Control,
    Estimate,
    Estimates,
    Evidence,
    Interval,
    Reason,
    Verdict,
)

__all__ = [
    "ALPHA",
    "FEWEST_BLOCKS",
    "Better",
    "ByBlock",
    "Control",
    "Estimate",
    "Estimates",
    "Evidence",
    "Interval",
    "Judgement",
    "LogRatios",
    "PairedSample",
    "Reason",
    "Verdict",
    "blocks_needed",
    "detectable_effect",
    "estimate_ratio",
    "holm",
    "judge_comparison",
    "linear_trend",
    "margin_band",
    "null_control",
    "order_effects",
    "paired_t",
    "positive_control",
    "scatter",
    "signed_rank",
    "studentised_bootstrap",
    "tost",
    "variance_shares",
    "weigh",
]
