"""Validity gates: which figures may be used, which with a doubt, which not at all.

gate         what a gate is, and the table of profile and tier
evidence     what gates look at, read from the files of a bundle alone
generator, stall, identity, service, host, rest, course
             the gates of one trial, by what they are about
comparison   the gates of two subjects under one load
run          the gates of a whole run
summary      the registry, and what its gates say
bundle       the trials of a bundle as the gates leave them
"""

from analysis.gates.bundle import Cell, Gated, read
from analysis.gates.evidence import Context, PairEvidence, RunEvidence, TrialEvidence
from analysis.gates.gate import Finding
from analysis.gates.summary import (
    CODES,
    GATES,
    TRIAL_GATES,
    assess,
    document,
    documents,
    fatal,
    first_failure,
    judge_pair,
    judge_run,
    loosened,
)
from bundle.documents.results import GateVerdict as Verdict
from host.expectation import Severity

__all__ = [
    "CODES",
    "GATES",
    "TRIAL_GATES",
    "Cell",
    "Context",
    "Finding",
    "Gated",
    "PairEvidence",
    "RunEvidence",
    "Severity",
    "TrialEvidence",
    "Verdict",
    "assess",
    "document",
    "documents",
    "fatal",
    "first_failure",
    "judge_pair",
    "judge_run",
    "loosened",
    "read",
]
