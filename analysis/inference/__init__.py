"""From one figure a trial to the verdict of a comparison; pure functions throughout.

    sample    one log-ratio a block: PairedSample
    evidence  all numbers of a comparison: weigh
    verdict   the table that turns them into a verdict: judge_comparison

weigh rests on estimators (three methods), hypotheses (equivalence, families), power and controls;
variance helps to plan a run, order says what the sequence of the trials did to it.
"""

from analysis.inference.controls import (
    Better,
    Control,
    Scatter,
    null_control,
    positive_control,
    scatter,
)
from analysis.inference.estimators import (
    Estimates,
    estimate_ratio,
    paired_t,
    signed_rank,
    studentised_bootstrap,
)
from analysis.inference.evidence import Evidence, weigh
from analysis.inference.hypotheses import ALPHA, holm, tost
from analysis.inference.interval import Estimate, Interval, margin_band
from analysis.inference.order import OrderEffects, Trend, linear_trend, order_effects
from analysis.inference.power import FEWEST_BLOCKS, POWER, blocks_needed, detectable_effect
from analysis.inference.sample import ByBlock, LogRatios, PairedSample
from analysis.inference.variance import VarianceTable, variance_table
from analysis.inference.verdict import Judgement, Profile, Reason, Verdict, judge_comparison

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
    "Profile",
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
