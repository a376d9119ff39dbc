"""The catalog of many bundles: how long a rebuild and a query take, and whether memory stays flat.

The bundles are small ones sealed by the real writer: ten trials each, in two subjects and five
blocks. Each size is built in a process of its own, which tells its own peak memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from bench import in_process_of_its_own, scratch
from bundle.codec import encode
from bundle.documents.readings import Memory, Sampler, TrialReadings, Window
from bundle.write import BundleWriter
from tests import generators
from tests.bundle import making

if TYPE_CHECKING:
    from datetime import datetime

_FEW: Final = 100
_MANY: Final = 1000
_TRIALS: Final = 10
_SECOND: Final = 10**9
_QUERY: Final = """
SELECT subject, metric, count(*), median(value), quantile_cont(value, 0.9)
FROM trials GROUP BY ALL ORDER BY ALL
"""
_READINGS: Final = TrialReadings(
    window=Window(started=making.CREATED.isoformat(), started_ns=0, ended_ns=2 * _SECOND),
    sampler=Sampler(cpu_s=0.0, readings=20, tick_hz=100, page_bytes=4096),
    memory=Memory(service_pss_before_bytes=None, service_pss_after_bytes=None),
)


def run(*, few: int = _FEW, many: int = _MANY) -> dict[str, object]:
    """Measure on two archives made for it.

    Returns:
        Seconds of a rebuild for each bundle, seconds of a query with the catalog read anew, and
        the ratio of the peak memories of a rebuild of many and of few bundles.
    """
    told = {}
    for count in (few, many):
        with scratch() as folder:
            _make(folder, count)
            told[count] = json.loads(in_process_of_its_own("bench.catalog", folder))
    return {
        "catalog.bundles": many,
        "catalog.rows": told[many]["rows"],
        "catalog.rebuild_s_per_bundle": round(told[many]["build_s"] / many, 5),
        "catalog.query_s": round(told[many]["query_s"], 4),
        "catalog.peak_many_over_few": round(told[many]["peak"] / told[few]["peak"], 3),
        "catalog.peak_bytes": told[many]["peak"],
    }


def _measure(folder: Path) -> dict[str, float]:
    """Rebuild, then ask, in this process."""
    # The process that makes the bundles must not load what is measured here.
    from ormlab.archive.catalog import build  # noqa: PLC0415
    from ormlab.archive.query import query  # noqa: PLC0415

    start = time.perf_counter()
    built = build(folder)
    ended = time.perf_counter()
    # Before the query, which holds the whole table.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    query(folder, _QUERY)
    asked = time.perf_counter() - ended
    return {"rows": built.rows, "build_s": ended - start, "query_s": asked, "peak": peak}


def _make(folder: Path, count: int) -> None:
    """Seal bundles into a folder, which is an archive then: the writer keeps the same index."""
    samples = folder / "resources.parquet"
    pq.write_table(pa.table(_samples()), samples, write_page_checksum=True)
    for day in range(count):
        created = making.CREATED + timedelta(days=day)
        with BundleWriter.create(folder, plan_sha256=making.PLAN_SHA256, created=created) as writer:
            for index in range(1, _TRIALS + 1):
                with writer.trial(f"{index:03d}-trial") as trial:
                    _fill(trial, index, created, samples.read_bytes())
            writer.seal(making.record_for(writer, completed=_TRIALS, sealed=created))
    samples.unlink()


def _fill(folder: Path, index: int, created: datetime, samples: bytes) -> None:
    latencies_us = [1000 + (7 * n * index) % 900 for n in range(200)]
    article = generators.article(latencies_us, requests=2000 + index, seconds=2.0)
    generators.write(folder, article)
    (folder / "resources.parquet").write_bytes(samples)
    record = replace(
        making.trial_record(index, name=f"{index:03d}-trial"),
        block=(index + 1) // 2,
        subject="ab"[index % 2],
        load="article",
        started=created,
        ended=created,
        readings=_READINGS,
    )
    (folder / "trial.json").write_bytes(encode(record))


def _samples() -> dict[str, list[int] | list[str]]:
    rounds = range(20)
    return {
        "round": list(rounds),
        "at_ns": [turn * _SECOND // 10 for turn in rounds],
        "role": ["service"] * len(rounds),
        "pid": [7] * len(rounds),
        "user_ticks": [turn * 8 for turn in rounds],
        "system_ticks": [turn * 2 for turn in rounds],
        "rss_pages": [20_000 + turn for turn in rounds],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(Path(sys.argv[1]))))
