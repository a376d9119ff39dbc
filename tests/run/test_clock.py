"""A run during which the wall clock is set back an hour."""

from __future__ import annotations

import json

from ormlab.verify import verify


def test_it_is_sealed_judged_and_says_so(troubled_run):
    record = json.loads((troubled_run.bundle / "bundle.json").read_bytes())
    assert record["status"] == "complete"
    assert 3000 < record["clock_set_back_s"] <= 3600
    assert record["sealed"] >= record["created"]
    assert verify(troubled_run.bundle).ok
