"""Claims: published numbers as data, and what bundles say about each.

    ledger       the types of a ledger               conditions, metrics: the two registries
    lint         what is wrong with one              codes: each with its remedy
    arithmetic   checks that need no machine         printed: figures as intervals, littles_law
    evidence     what a bundle brings                measure: the claimed figure with intervals
    verdict      judge_claim: one table              comparability, running
    standing     what the verdicts of many bundles come to, and which other claims fall with them
    judgement    documents over one bundle or many

Pure throughout, but for ``evidence.collect``, which reads a bundle.
"""

from analysis.claims.arithmetic import outcomes
from analysis.claims.codes import CODES
from analysis.claims.conditions import READINGS
from analysis.claims.evidence import Place, Run, collect
from analysis.claims.judgement import describe, judgement, published, verdicts
from analysis.claims.ledger import Claim, Ledger, Runs, Statement, plans_of, variants_of
from analysis.claims.lint import PlanParts, Problem, lint
from analysis.claims.measure import places_of
from analysis.claims.metrics import CLAIM_METRICS
from analysis.claims.verdict import judge_claim
from bundle.documents.verdicts import (
    CheckOutcome,
    ClaimJudgement,
    ClaimVerdict,
    Outcome,
    Strength,
)

__all__ = [
    "CLAIM_METRICS",
    "CODES",
    "READINGS",
    "CheckOutcome",
    "Claim",
    "ClaimJudgement",
    "ClaimVerdict",
    "Ledger",
    "Outcome",
    "Place",
    "PlanParts",
    "Problem",
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
    "published",
    "variants_of",
    "verdicts",
]
