"""An archive with the history of an ORM: a run for each release, against the one before it."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import yaml

from bundle.codec import encode, serialise
from bundle.documents.host import Server
from bundle.documents.services import Interpreter, StackOutcome
from bundle.format import TrialRecord
from bundle.write import BundleWriter
from ormlab.archive.catalog import build
from ormlab.archive.keep import add
from ormlab.judging import judge
from tests.archive.making import FACTS, WINDOW_S, write_article
from tests.bundle import making
from tests.plan import small

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.documents.readings import TrialReadings

# As versions they are in this order, as texts they are not.
RELEASES: Final = (*(f"2.0.{number}" for number in range(4, 20)), "2.1.0")
SLOWER: Final = "2.0.9"  #: serves 12 % fewer requests than the release before it, for good
SLIGHTLY: Final = "2.0.13"  #: serves 2.5 % fewer, which is less than the margin of 5 %
MARGIN: Final = 0.05
BLOCKS: Final = 6
RATE: Final = 10_000
NOISE: Final = 0.004  # standard deviation of a trial's rate, as a fraction
LATENCIES: Final = 2000  # enough for a 99th percentile
# Prometheus scrapes nothing while it has samples of the future, whatever the clock of this machine.
FIRST: Final = making.CREATED - timedelta(days=365)


def speed(release: str) -> float:
    """How fast a release is, as a multiple of the first."""
    at = RELEASES.index
    slower = 0.88 if at(release) >= at(SLOWER) else 1.0
    return slower * (0.975 if at(release) >= at(SLIGHTLY) else 1.0)


def archive(folder: Path, bundles: Path) -> None:
    """Add one bundle for each release but the first, and build the catalog."""
    noise = random.Random(20261130)
    for day, (before, release) in enumerate(pairwise(RELEASES)):
        bundle = compared(bundles, before, release, day=day, noise=noise)
        judge.judge(bundle)
        add(bundle, folder)
    build(folder)


def compared(
    parent: Path,
    before: str,
    release: str,
    *,
    day: int,
    noise: random.Random,
    pool: int | None = None,
) -> Path:
    """Seal a run of two releases, with a null arm, that began so many days after the first.

    The new release may have a pool of another size.
    """
    names = {f"sqlalchemy-{each}": each for each in (before, release)}
    baseline, candidate = names
    plan = small.sealed(
        name="releases",
        profile="vm",
        blocks=BLOCKS,
        subjects={
            baseline: {"service": "sqlalchemy"},
            candidate: {"service": "sqlalchemy"} | ({"pool": {"size": pool}} if pool else {}),
        },
        loads={"article": {"generator": "article"}},
        comparisons=[{"baseline": baseline, "candidate": candidate}],
        margins=dict.fromkeys(("throughput", "p50", "p99", "cpu_service"), MARGIN),
        null_arm=baseline,
        arms={f"{baseline}-null": baseline},
    )
    files = {
        "inputs/plan.yaml": yaml.safe_dump(plan.model_dump(mode="json", by_alias=True)).encode(),
        "inputs/locks/stacks.toml": b"[stacks]\n",
        "host/facts.before.json": json.dumps(FACTS).encode(),
        Server.PATH: serialise(Server(version="16.11", settings={}, made=True)),
    }
    files |= {
        StackOutcome.PATH.format(subject=name): serialise(_stack(each))
        for name, each in names.items()
    }
    created = FIRST + timedelta(days=day)
    arms = {**names, f"{baseline}-null": before}
    with BundleWriter.create(parent, plan_sha256=making.PLAN_SHA256, created=created) as writer:
        for path, data in files.items():
            writer.add(path, data)
        for index in range(1, len(arms) * BLOCKS + 1):
            subject = list(arms)[(index - 1) % len(arms)]
            rate = RATE * speed(arms[subject]) * noise.lognormvariate(0, NOISE)
            _trial(writer, index, subject, rate, block=(index - 1) // len(arms) + 1)
        ended = {"completed": len(arms) * BLOCKS, "sealed": created + timedelta(hours=2)}
        return writer.seal(making.record_for(writer, **ended))


def _stack(release: str) -> StackOutcome:
    return StackOutcome(
        schema="stack/1",
        stack=f"sqlalchemy-{release}",
        ok=True,
        digest="5" * 64,
        environment="5" * 8,
        python=Interpreter(version="3.13.0", implementation="cpython"),
        packages={"sqlalchemy": release, "asyncpg": "0.32.0", "aiohttp": "3.14.5"},
        extensions={},
        failures=[],
        alone=[],
        seconds=1.0,
    )


def _trial(writer: BundleWriter, index: int, subject: str, rate: float, *, block: int) -> None:
    name = f"{index:03d}-{subject}-read-one-article-b{block:02d}"
    began = writer.created + timedelta(minutes=index)
    with writer.trial(name) as folder:
        base = making.trial_record(index, name=name)
        values = {key: getattr(base, key) for key in base.__struct_fields__}
        values |= {"subject": subject, "load": "article", "block": block}
        values |= {"started": began, "ended": began + timedelta(seconds=30)}
        values |= {"readings": _measure(folder, rate)}
        (folder / "trial.json").write_bytes(encode(TrialRecord(**values)))


def _measure(folder: Path, rate: float) -> TrialReadings:
    """Write the files of a trial that served at this rate; each figure follows from it."""
    slow = RATE / rate
    return write_article(
        folder,
        requests=round(rate * WINDOW_S),
        latencies_us=[round((1000 + n) * slow) for n in range(LATENCIES)],
        system_ticks=40,
        rss_pages=(10_000, 20_000),
    )
