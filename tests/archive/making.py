"""Archives for the tests; their trials have figures, and the real writer seals them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from bundle.codec import encode
from bundle.format import TrialRecord
from bundle.write import BundleWriter
from ormlab.archive.keep import add
from tests.bundle import making

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000
PLAN = {
    "schema": "resolved-plan/1",
    "plan": {"subjects": {"asyncpg": {"service": "asyncpg", "stack": "current"}}},
    "arms": {"asyncpg-null": "asyncpg"},
}
FACTS = {"placement": {"tier": "degraded"}, "facts": {"virtual": True}}
SUBJECTS = ("asyncpg", "asyncpg-null")


def write_article(folder: Path, *, rate: int) -> dict[str, object]:
    """Write the files of a trial of the article's client; return its readings."""
    article = {
        "spec": {"requests": rate * 2},
        "figures": {"total_time_s": 2.0},
        "contains": {"requests_counted_in_throughput_that_failed": 0},
        "latencies_us": [1000 + n for n in range(200)],
    }
    (folder / "article.json").write_text(json.dumps(article))
    samples = {
        "round": [1, 2],
        "at_ns": [0, 2 * SECOND],
        "role": ["service", "service"],
        "pid": [7, 7],
        "user_ticks": [0, 150],
        "system_ticks": [0, 50],
        "rss_pages": [100, 200],
    }
    pq.write_table(pa.table(samples), folder / "resources.parquet", write_page_checksum=True)
    return {
        "window": {"started_ns": 0, "ended_ns": 2 * SECOND},
        "sampler": {"tick_hz": 100, "page_bytes": 4096},
        "memory": {"service_pss_after_bytes": None},
    }


def measured(
    parent: Path,
    *,
    day: int = 0,
    rate: int = 1000,
    fail: int | None = None,
    plan: object = PLAN,
    facts: object = FACTS,
) -> Path:
    """Seal a bundle of two subjects in two blocks.

    Args:
        parent: takes the bundle.
        day: on which day it was made.
        rate: its throughput.
        fail: number of the trial that fails.
        plan: the document of ``inputs/plan.yaml``.
        facts: that of ``host/facts.before.json``.
    """
    created = making.CREATED + timedelta(days=day)
    with BundleWriter.create(parent, plan_sha256=making.PLAN_SHA256, created=created) as writer:
        writer.add("inputs/plan.yaml", yaml.safe_dump(plan).encode())
        writer.add("host/facts.before.json", json.dumps(facts).encode())
        for index in range(1, 5):
            subject, block = SUBJECTS[(index - 1) % 2], (index + 1) // 2
            name = f"{index:03d}-{subject}-read-one-article-b{block:02d}"
            with writer.trial(name) as folder:
                failed = index == fail
                readings = {} if failed else write_article(folder, rate=rate + index)
                base = making.trial_record(index, name=name, failed=failed)
                values = {key: getattr(base, key) for key in base.__struct_fields__}
                values |= {"subject": subject, "load": "article", "block": block}
                record = TrialRecord(**(values | {"readings": readings}))
                (folder / "trial.json").write_bytes(encode(record))
        ended = {"completed": 4 - (fail is not None), "failed": int(fail is not None)}
        sealed = created + timedelta(hours=1)
        return writer.seal(making.record_for(writer, sealed=sealed, **ended))


def archive(folder: Path, bundles: Path, *, count: int = 4) -> list[str]:
    """Add small bundles to an archive; return their ids, in the order they were added."""
    return [add(making.sealed(bundles, trials=1), folder).line.id for _ in range(count)]
