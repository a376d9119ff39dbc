"""Archives for the tests; their trials have figures, and the real writer seals them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from bundle.codec import encode, plain
from bundle.documents.host import Facts, HostFacts, Placement
from bundle.documents.readings import Memory, Sampler, TrialReadings, Window
from bundle.format import TrialRecord
from bundle.write import BundleWriter
from ormlab.archive.keep import add
from tests import generators
from tests.bundle import making
from tests.plan import small

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SECOND = 1_000_000_000
WINDOW_S = 2.0
PLAN = small.sealed(
    subjects={"asyncpg": {"service": "asyncpg"}},
    loads={"article": {"generator": "article"}},
    comparisons=[],
    null_arm="asyncpg",
    arms={"asyncpg-null": "asyncpg"},
).model_dump(mode="json", by_alias=True)
FACTS = plain(
    HostFacts(
        schema="host-facts/1",
        facts=Facts(virtual=True),
        identity=[],
        placement=Placement(service=[1], load=[0], database=[0], housekeeping=[0], tier="degraded"),
    )
)
SUBJECTS = ("asyncpg", "asyncpg-null")


def write_article(
    folder: Path,
    *,
    requests: int,
    latencies_us: Iterable[int] = range(1000, 1200),
    system_ticks: int = 50,
    rss_pages: tuple[int, int] = (100, 200),
) -> TrialReadings:
    """Write the files of a trial of the article's client, `WINDOW_S` long; return its readings."""
    document = generators.article(list(latencies_us), requests=requests, seconds=WINDOW_S)
    generators.write(folder, document)
    samples = {
        "round": [1, 2],
        "at_ns": [0, 2 * SECOND],
        "role": ["service", "service"],
        "pid": [7, 7],
        "user_ticks": [0, 150],
        "system_ticks": [0, system_ticks],
        "rss_pages": list(rss_pages),
    }
    pq.write_table(pa.table(samples), folder / "resources.parquet", write_page_checksum=True)
    return TrialReadings(
        window=Window(started="2026-11-23T03:15:00Z", started_ns=0, ended_ns=2 * SECOND),
        sampler=Sampler(cpu_s=0.0, readings=2, tick_hz=100, page_bytes=4096),
        memory=Memory(service_pss_before_bytes=None, service_pss_after_bytes=None),
    )


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
                readings = (
                    TrialReadings()
                    if failed
                    else write_article(folder, requests=2 * (rate + index))
                )
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
