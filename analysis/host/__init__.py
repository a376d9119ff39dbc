"""Whether a host may be measured on: its readings, compared with what `host.items` expects.

judgement    readings and a profile in, findings and one sentence out
provisioned  the verdict on a host that roles have set up
"""

from analysis.host.judgement import (
    Finding,
    best_profile,
    judge,
    sentence,
    tier_meaning,
    unknown_said,
)

__all__ = ["Finding", "best_profile", "judge", "sentence", "tier_meaning", "unknown_said"]
