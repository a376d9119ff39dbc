"""How sure the same measured seconds make: blocks, against each subject three times in a row.

Most published comparisons, the article's too, start one service, measure it three times, average,
and do the same with the next. The same two services, the same client and the same measured seconds
are used here in both ways, one after the other, several times.
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq
import yaml
from scipy import stats

from bench import run_plan
from bundle import typed
from bundle.documents.results import Results

_BASELINE, _CANDIDATE = "sqlalchemy", "tortoise"
_ITERATIONS = 3
_BLOCKS = 15
_BLOCK_S = 2


def run(*, rounds: int = 3) -> dict[str, object]:
    """Measure in both ways, ``rounds`` times each.

    Returns:
        Medians over the rounds of the half-width of the 95 % interval of the ratio of throughputs,
        as a logarithm (0.05 is about 5 %), and one over the other:
        of the blocks by the paired t, as in any run; of the rows by Welch's t on the logarithms of
        their iterations, which is generous: iterations of one process share its luck.
    """
    blocks, rows = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(_in_rows(Path(scratch)))
            blocks.append(_in_blocks(Path(scratch)))
    return {
        "precision.measured_s": 2 * _BLOCKS * _BLOCK_S,
        "precision.rounds": rounds,
        "precision.blocks_half_widths": str([round(each, 4) for each in blocks]),
        "precision.rows_half_widths": str([round(each, 4) for each in rows]),
        "precision.blocks_over_rows": median(blocks) / median(rows),
    }


def _in_blocks(scratch: Path) -> float:
    """The half-width that the lab's protocol comes to."""
    bundle = _run(scratch, "blocks", blocks=_BLOCKS, duration_s=_BLOCK_S)
    (cell,) = typed.read(bundle, Results).cells
    ratio = next(each for each in cell.comparisons if each.metric == "throughput")
    if ratio.low is None or ratio.high is None:
        raise ValueError("one block has no interval")
    return math.log(ratio.high / ratio.low) / 2


def _in_rows(scratch: Path) -> float:
    """The half-width that three iterations in a row of one, then of the other, come to."""
    bundle = _run(scratch, "rows", blocks=1, duration_s=_BLOCKS * _BLOCK_S)
    iterations = {}
    for name in (_BASELINE, _CANDIDATE):
        (trial,) = bundle.glob(f"trials/*-{name}-*")
        seconds = json.loads((trial / "client.json").read_bytes())["window"]["seconds"]
        sent_s = pq.read_table(trial / "samples.parquet", columns=["sent_ns"])[0].to_numpy() / 1e9
        answers, _ = np.histogram(sent_s, bins=_ITERATIONS, range=(0, seconds))
        iterations[name] = np.log(answers)
    welch = stats.ttest_ind(iterations[_CANDIDATE], iterations[_BASELINE], equal_var=False)
    low, high = welch.confidence_interval(0.95)
    return float(high - low) / 2


def _run(scratch: Path, name: str, *, blocks: int, duration_s: int) -> Path:
    """Run a plan of two subjects under the asyncio client, which leaves every sample."""
    plan = {
        "schema": "plan/1",
        "name": f"precision-{name}",
        "title": "the same two services and the same measured seconds, in two orders",
        "profile": "smoke",
        "seed": 20240105,
        "blocks": blocks,
        "dataset": {"users": 20_000, "orders": 10_000},
        "subjects": {each: {"service": each} for each in (_BASELINE, _CANDIDATE)},
        "workloads": {"read-one": {"operations": [{"operation": "read-user"}]}},
        "loads": {
            "client": {
                "generator": "client-closed",
                "connections": 64,
                "warmup_s": 1,
                "duration_s": duration_s,
            }
        },
        "comparisons": [{"baseline": _BASELINE, "candidate": _CANDIDATE}],
    }
    path = scratch / f"{name}.yaml"
    path.write_text(yaml.safe_dump(plan))
    return run_plan(path, "--bundles", scratch / "bundles")
