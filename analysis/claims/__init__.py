"""Claims: published numbers as data, and what bundles say about each.

    ledger       the types of a ledger               conditions, metrics: the two registries
    lint         the problems of a ledger, each with its code and remedy
    arithmetic   checks that need no machine         printed: figures as intervals, littles_law
    evidence     what a bundle brings                measure: the claimed figure with intervals
    verdict      judge_claim: one table              comparability, running, ranking
    standing     what the verdicts of many bundles come to, and which other claims fall with them
    judgement    documents over one bundle or many

Pure throughout, but for ``evidence.collect``, which reads a bundle.
"""

from analysis.claims.arithmetic import outcomes
from analysis.claims.conditions import FAMILIES, READINGS
from analysis.claims.evidence import Place, Run, collect
from analysis.claims.judgement import describe, judgement, verdicts
from analysis.claims.ledger import Ledger, Runs, Statement, plans_of, variants_of
from analysis.claims.lint import CODES, PlanParts, lint
from analysis.claims.measure import places_of
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.verdict import judge_claim
from bundle.documents.verdicts import (
    ClaimVerdict,
    Outcome,
    Strength,
)

__all__ = [
    "CLAIM_METRICS",
    "CODES",
    "FAMILIES",
    "READINGS",
    "ClaimVerdict",
    "Ledger",
    "Outcome",
    "Place",
    "PlanParts",
    "Run",
    "Runs",
    "Statement",
    "Strength",
    "collect",
    "describe",
    "judge_claim",
    "judgement",
    "lint",
    "outcomes",
    "places_of",
    "plans_of",
    "variants_of",
    "verdicts",
]
