"""From one figure a trial to the verdict of a comparison; pure functions throughout.

    sample    one log-ratio a block: PairedSample
    evidence  all numbers of a comparison: weigh
    verdict   the table that turns them into a verdict: judge_comparison

weigh rests on estimators (three methods), hypotheses (equivalence, families), power and controls;
variance helps to plan a run, order says what the sequence of the trials did to it. What they return
is part of ``results.json``, so its types are in ``bundle.documents.results``.
"""

from analysis.inference.controls import null_control, positive_control, scatter
from analysis.inference.estimators import (
    estimate_ratio,
    paired_t,
    signed_rank,
    studentised_bootstrap,
)
from analysis.inference.evidence import weigh
from analysis.inference.hypotheses import ALPHA, holm, tost
from analysis.inference.interval import margin_band
from analysis.inference.order import linear_trend, order_effects
from analysis.inference.power import FEWEST_BLOCKS, POWER, blocks_needed, detectable_effect
from analysis.inference.sample import ByBlock, LogRatios, PairedSample
from analysis.inference.variance import VarianceTable, variance_table
from analysis.inference.verdict import Judgement, judge_comparison
from bundle.documents.results import (
    Better,
    Control,
    Estimate,
    Estimates,
    Evidence,
    Interval,
    OrderEffects,
    Reason,
    Scatter,
    Trend,
    Verdict,
)

__all__ = [
    "ALPHA",
    "FEWEST_BLOCKS",
    "POWER",
    "Better",
    "ByBlock",
    "Control",
    "Estimate",
    "Estimates",
    "Evidence",
    "Interval",
    "Judgement",
    "LogRatios",
    "OrderEffects",
    "PairedSample",
    "Reason",
    "Scatter",
    "Trend",
    "VarianceTable",
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
    "variance_table",
    "weigh",
]
