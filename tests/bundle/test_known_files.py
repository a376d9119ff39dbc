"""Every file that a run keeps has a place in the format: `verify` doubts the others."""

from __future__ import annotations

import pytest

from bundle import schemas
from ormlab.run.measure import keep

TRIAL = "trials/001-asyncpg-read-one-wrk-b01"
KEPT = [
    *(f"{TRIAL}/{pattern.replace('*', 'service')}" for pattern in keep._KEPT),
    *(f"{TRIAL}/{name}.zst" for name in keep._LOGS),
    f"{TRIAL}/samples.parquet",
    f"{TRIAL}/resources.parquet",
    *(
        f"host/{where}{when}{name}.json"
        for where in ("", "host-2/")
        for when in ("", "resumed-1/")
        for name in ("ports", *(("facts", "readings") if when else ()))
    ),
]


@pytest.mark.parametrize("path", KEPT)
def test_it_is_described_or_known(path):
    assert schemas.of_path(path) or schemas.is_known(path)
