"""Whether a host may be measured on: what its readings should be, and what they come to.

expectation  one reading's limits by profile; the kinds of limits
processor, system, surroundings
             the expectations by what they are about
judgement    readings and a profile in, findings and one sentence out

Limits for which no source is named are judgements of this project.
"""

from analysis.host.expectation import Area, Expectation, Profile, Verdict, shown
from analysis.host.judgement import (
    EXPECTATIONS,
    PROFILES,
    Finding,
    best_profile,
    judge,
    sentence,
    tier_meaning,
)

__all__ = [
    "EXPECTATIONS",
    "PROFILES",
    "Area",
    "Expectation",
    "Finding",
    "Profile",
    "Verdict",
    "best_profile",
    "judge",
    "sentence",
    "shown",
    "tier_meaning",
]
