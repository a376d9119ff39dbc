"""A ledger that was written before its run is not called newer, wherever its reader lives."""

from __future__ import annotations

import pytest

from ormlab.verify import verify
from tests.verify.recorded import add, seal_again


@pytest.mark.parametrize(("day", "newer"), [("2026-11-25", False), ("2026-11-26", True)])
def test_a_day_begins_earlier_in_the_east(bundle, day, newer):
    """The recorded run began on 24 November at 15:03 UTC, the 25th in UTC+9 and further."""
    add(bundle, "inputs/claims.yaml", f"sources: {{a: {{retrieved: {day}}}}}\n".encode())
    seal_again(bundle)
    codes = {problem.code for problem in verify(bundle, level="L2").problems}
    assert ("ledger-newer" in codes) is newer
