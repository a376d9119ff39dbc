"""How many hostile archives and manifests are tried.

``make test`` tries a few hundred, always the same. ``ORMLAB_HOSTILE=10000 pytest tests/bundle -k
hostile`` tries so many in all, other ones each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROPERTIES = 5  # that share them: those that are decorated below
_WANTED = os.environ.get("ORMLAB_HOSTILE")

tried = settings(
    deadline=None,
    derandomize=_WANTED is None,
    database=None,
    max_examples=int(_WANTED) // PROPERTIES if _WANTED else 80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
