"""From one figure a trial to the verdict of a comparison; pure functions throughout.

    sample     one log-ratio a block: PairedSample
    nullarm    the interval that A' widens, its p, early looks
    ruling     all numbers of a comparison (weigh) and the table that judges them (rule)
    runs       several runs of one comparison, on one host or on several nodes
    estimators, hypotheses, power, controls
               three methods, families of comparisons, blocks, known answers
    variance   helps to plan a run
    order      says what the sequence of the trials did to it
    slices     figures of a block in which load switches between services

The analysis returns parts of ``results.json``, so their types are in ``bundle.documents.results``.
"""

from analysis.inference.controls import null_control, positive_control
from analysis.inference.estimators import (
    estimate_ratio,
    paired_t,
    signed_rank,
    studentised_bootstrap,
)
from analysis.inference.hypotheses import ALPHA, holm
from analysis.inference.interval import margin_band
from analysis.inference.nullarm import Undefined, Widened, findable_effect, widen_sample
from analysis.inference.order import linear_trend, order_effects
from analysis.inference.power import FEWEST_BLOCKS, FEWEST_FOR_DIRECTION, blocks_needed
from analysis.inference.ruling import Ruling, rule, rule_combined, unjudged, weigh
from analysis.inference.runs import Combined, RunMean, combine, combine_nodes, node_ratio
from analysis.inference.sample import ByBlock, LogRatios, PairedSample
from analysis.inference.variance import variance_shares
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
    "FEWEST_FOR_DIRECTION",
    "Better",
    "ByBlock",
    "Combined",
    "Control",
    "Estimate",
    "Estimates",
    "Evidence",
    "Interval",
    "LogRatios",
    "PairedSample",
    "Reason",
    "Ruling",
    "RunMean",
    "Undefined",
    "Verdict",
    "Widened",
    "blocks_needed",
    "combine",
    "combine_nodes",
    "estimate_ratio",
    "findable_effect",
    "holm",
    "linear_trend",
    "margin_band",
    "node_ratio",
    "null_control",
    "order_effects",
    "paired_t",
    "positive_control",
    "rule",
    "rule_combined",
    "signed_rank",
    "studentised_bootstrap",
    "unjudged",
    "variance_shares",
    "weigh",
    "widen_sample",
]
