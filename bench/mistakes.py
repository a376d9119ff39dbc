"""``python -m bench.mistakes``: how often is a verdict of `ormlab compare` wrong?

Compares SQLAlchemy with itself, which is equally fast, and with itself slowed down by a twentieth
of its CPU time, in turn. Each comparison is the one of ``ormlab compare --time``, in a run of its
own with a seed of its own. ``--foreign`` keeps one CPU busy beside all of them. Prints a line for
each run and writes ``.lab/bench-mistakes.json`` after each. With the defaults it takes about two
hours, so it is none of ``make bench``; ``--runs 1`` tries it.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from bench import run_plan, scratch
from bundle import typed
from bundle.documents.results import Results
from host.environment import environment
from ormlab.compare import course
from ormlab.compare.plan import Request
from ormlab.compare.spec import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLOWDOWN: Final = 0.05  # of the CPU time of a request
_BAND: Final = (0.025, 0.075)  # that a found slowdown should lie in
_SUBJECT: Final = "sqlalchemy"
_OUT: Final = Path(".lab/bench-mistakes.json")


@dataclass(frozen=True)
class ComparedRun:
    """What one comparison said."""

    slowdown: float  #: of the candidate, as a fraction of the baseline's CPU time; 0 is the null
    verdict: str
    ratio: float  #: candidate over baseline, requests per second
    low: float | None  #: of the 95 % interval
    high: float | None
    null: float | None  #: second deployment over first; None if it could not be had
    blocks: int
    weaknesses: tuple[str, ...]
    wall_s: float  #: with the set-up


def main(arguments: list[str]) -> int:
    """Compare so many times; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.mistakes")
    parser.add_argument("--runs", type=int, default=20, help="of each kind")
    parser.add_argument("--seconds", type=float, default=120.0, help="that each measures")
    parser.add_argument("--foreign", action="store_true", help="keep one CPU busy meanwhile")
    given = parser.parse_args(arguments)
    told: list[ComparedRun] = []
    with _busy() if given.foreign else nullcontext():
        for seed in range(given.runs):
            for slowdown in (0.0, _SLOWDOWN):
                told.append(_compare(slowdown, given.seconds, seed))
                sys.stdout.write(f"{json.dumps(asdict(told[-1]))}\n")
                sys.stdout.flush()
                document = {
                    "schema": "bench-mistakes/1",
                    "seconds": given.seconds,
                    "foreign": given.foreign,
                }
                runs = [asdict(each) for each in told]
                _OUT.write_text(json.dumps(document | {"runs": runs}, indent=1) + "\n")
    for line in _summary(told):
        sys.stdout.write(f"{line}\n")
    return 0


def _compare(slowdown: float, time_s: float, seed: int) -> ComparedRun:
    request = Request((parse(_SUBJECT), parse(_SUBJECT)), seed=seed, time_s=time_s)
    with scratch() as folder:
        with course.decided(request) as resolved:
            plan = resolved.plan.model_dump(mode="json", by_alias=True)
        (pair,) = plan["comparisons"]
        plan["subjects"][pair["candidate"]]["burden"] = slowdown
        file = folder / "compare.yaml"
        file.write_text(yaml.safe_dump(plan))
        began = time.monotonic()
        results = typed.read(run_plan(file, "--bundles", folder / "bundles"), Results)
        wall_s = time.monotonic() - began
    (cell,) = results.cells
    (found,) = (each for each in cell.comparisons if each.metric == "throughput")
    nulls = [
        each.outcome.estimate
        for each in cell.controls
        if each.metric == "throughput" and each.outcome.name == "null"
    ]
    return ComparedRun(
        slowdown=slowdown,
        verdict=found.verdict,
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        null=nulls[0].ratio if nulls and nulls[0] else None,
        blocks=plan["blocks"],
        weaknesses=tuple(results.weaknesses),
        wall_s=round(wall_s, 1),
    )


def _summary(told: list[ComparedRun]) -> Iterator[str]:
    """What the runs come to.

    Beta is what a deployment keeps for a whole run, as a standard deviation: the null arm's
    log-ratio has sqrt(2) of it, and the chance of its blocks on top, so this is an upper estimate.
    """
    for slowdown in (0.0, _SLOWDOWN):
        these = [each for each in told if each.slowdown == slowdown]
        counts = ", ".join(
            f"{n} {verdict}" for verdict, n in Counter(t.verdict for t in these).items()
        )
        yield f"slowdown of {slowdown:.0%}: {len(these)} runs: {counts}"
    slowed = [1 / each.ratio - 1 for each in told if each.slowdown]
    inside = sum(_BAND[0] <= each <= _BAND[1] for each in slowed)
    yield f"estimated between {_BAND[0]:.1%} and {_BAND[1]:.1%}: {inside} of {len(slowed)}"
    logs = [math.log(each.null) for each in told if each.null is not None]
    if logs:
        beta = math.sqrt(sum(each**2 for each in logs) / len(logs) / 2)
        yield f"beta, from {len(logs)} null arms: at most {beta:.2%}"


@contextmanager
def _busy() -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", "while True: pass"], env=environment("tool")
    ) as spinner:
        try:
            yield
        finally:
            spinner.terminate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
