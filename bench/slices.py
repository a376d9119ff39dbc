"""``python -m bench.slices [BLOCKS [SECONDS]]``: does a ratio depend on how long slices are?

Deploys SQLAlchemy, once more SQLAlchemy, and Tortoise side by side, as a block of load that
switches does, and draws the length of each round's slices at random within the deployment. Every
length therefore has the same processes and the same minutes. Prints a table and writes
``.lab/bench-slices.json``. SECONDS are those measured of each length, subject and block. With the
defaults, 4 and 4, it takes about six minutes on a quiet machine.

Figures are taken over blocks (deployments), of which each has one log-ratio per length: answers of
all slices of that length over their time. By answers, a slice lasts from one answer to another. By
the clock, it begins at the same answer and lasts exactly as long as was asked: its end falls
anywhere in a batch of answers.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING
from urllib.request import urlopen

import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from agent import ports
from agent.databases.postgresql.cluster import Cluster
from agent.databases.postgresql.cluster import settings as server_settings
from analysis.inference.slices import Arms, Slice, SlicedBlock
from host.environment import environment
from ormlab.hosts.inventory import embedded_postgres
from workloads.databases.postgresql.template import clone, ensure_template
from workloads.dataset import Dataset
from workloads.load.client import rows
from workloads.load.client.connections import NS
from workloads.load.operations import Operation
from workloads.load.requests import table, write_table
from workloads.load.switchback.block import Switched, measure
from workloads.load.switchback.spec import BlockSpec, SubjectSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workloads.databases.postgresql.psql import Psql
    from workloads.load.switchback.block import Driven
    from workloads.load.switchback.course import Visit
    from workloads.load.switchback.subject import Turn

LENGTHS = (0.1, 0.25, 0.5, 1.0)
SUBJECTS = {"A": "sqlalchemy", "A'": "sqlalchemy", "B": "tortoise"}
_BLOCKS = 4
_MEASURED_S = 4.0  # of each length, subject and block
_CONNECTIONS = 64
_DATASET = Dataset(users=20_000, orders=10_000, payload_bytes=1024, seed=1)
_DATABASE = "slices"
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Drawn:
    """A block, and the length that was asked of the slices of each round."""

    block: Switched
    lengths: list[float]

    def visits(self, driven: Driven, length: float) -> list[Visit[Turn]]:
        """The slices of one subject of which this length was asked."""
        return [each for each in driven.visits if self.lengths[each.place.round - 1] == length]


@dataclass(frozen=True)
class Lengthwise:
    """One length of slices, over blocks; logarithms."""

    length_s: float
    null: list[float]  #: ln(A'/A) of each block
    ratio: list[float]  #: ln(B/A) of each block
    null_by_clock: list[float]  #: the same, counted by the clock
    ratio_by_clock: list[float]
    wall_over_slice: float  #: seconds from a turn's first request to its last answer, over measured


def main(arguments: list[str]) -> int:
    """Run the study; returns the exit code."""
    blocks = int(arguments[0]) if arguments else _BLOCKS
    measured_s = float(arguments[1]) if len(arguments) > 1 else _MEASURED_S
    lab = _ROOT / ".lab"
    lab.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=lab) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # the user that postgres runs as reaches its data through it
        with _database(folder) as psql:
            write_table(
                folder / "table",
                table(
                    [Operation("read-user")],
                    users=_DATASET.users,
                    orders=_DATASET.orders,
                    seed=1,
                    count=4096,
                ),
            )
            own, *_, services = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {own})
            measured = [
                _block(folder, psql, cpu=services, measured_s=measured_s, seed=seed)
                for seed in range(blocks)
            ]
    lengths = [_lengthwise(length, measured) for length in LENGTHS]
    arms = Arms("A", "B", "A'")
    carried = [SlicedBlock(_slices(each.block)).carry_over(arms) for each in measured]
    Console(width=110, markup=False, emoji=False).print(_table(lengths))
    document = {
        "schema": "bench-slices/1",
        "blocks": blocks,
        "measured_s": measured_s,
        "connections": _CONNECTIONS,
        "set_s": [each.block.set_s for each in measured],
        "lengths": [_told(each) for each in lengths],
        # What a slice gains by following the candidate instead of the baseline, block by block.
        "carry_over": _spread([each for each in carried if isinstance(each, float)]),
    }
    sys.stdout.write(f"carry-over: {document['carry_over']}\n")
    (lab / "bench-slices.json").write_text(json.dumps(document, indent=1) + "\n")
    return 0


def _block(folder: Path, psql: Psql, *, cpu: int, measured_s: float, seed: int) -> Drawn:
    draw = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    lengths = [each for each in LENGTHS for _ in range(round(measured_s / each))]
    draw.shuffle(lengths)
    with ExitStack() as stack:
        targets = [
            stack.enter_context(_service(folder, psql, name, cpu, draw.randrange(2**32)))
            for name in SUBJECTS
        ]
        settings = BlockSpec(
            subjects=targets,
            server_pid=None,
            cpu=None,
            connections=_CONNECTIONS,
            duration_s=len(LENGTHS) * measured_s,
            slice_s=None,
            limit_s=None,
            warmup_s=2.0,
            timeout_s=10.0,
            seed=seed,
            table=str(folder / "table"),
            repeatable=True,
            hash_fraction=0.0,
        )
        tables = [rows.load(settings.closed_loop(each), 0) for each in targets]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            block = runner.run(measure(settings, tables, lengths))
    if block.failure:
        raise block.failure
    return Drawn(block, lengths)


@contextmanager
def _database(folder: Path) -> Iterator[Psql]:
    """A server on the first CPU, with the dataset."""
    cluster = Cluster(folder / "postgres", Path(embedded_postgres()), ports.draw(1, ["127.0.0.1"]))
    cpus = [min(os.sched_getaffinity(0))]
    with cluster.lock():
        cluster.ensure_initialised()
        memory = psutil.virtual_memory().total // 4
        server = cluster.start(
            log=folder / "postgres.log", server_settings=server_settings(memory), cpus=cpus
        )
        try:
            clone(cluster.psql, ensure_template(cluster.psql, _DATASET).database, _DATABASE)
            yield cluster.psql
        finally:
            cluster.stop(server)


@contextmanager
def _service(
    folder: Path, psql: Psql, name: str, cpu: int, hash_seed: int
) -> Iterator[SubjectSpec]:
    """The service of a subject, which answers."""
    port = ports.draw(1, ["127.0.0.1"])
    database = {
        "host": psql.host,
        "port": psql.port,
        "user": psql.user,
        "database": _DATABASE,
        "passfile": psql.passfile,
    }
    settings = {
        "service": SUBJECTS[name],
        "host": "127.0.0.1",
        "port": port,
        "database": database,
        "pool": {"size": 10, "overflow": 0},
    }
    file = folder / f"{port}.json"
    file.write_text(json.dumps(settings))
    argv = ["taskset", "-c", str(cpu), sys.executable, "-m", "workloads.services", str(file)]
    extra = {"PYTHONHASHSEED": str(hash_seed)}
    with subprocess.Popen(argv, cwd=_ROOT, env=environment("service", extra)) as process:
        try:
            while process.poll() is None:
                try:
                    urlopen(f"http://127.0.0.1:{port}/health").read()
                    break
                except OSError:
                    time.sleep(0.02)
            yield SubjectSpec(
                subject=name, host="127.0.0.1", port=port, folder=name, service_pid=process.pid
            )
        finally:
            process.terminate()


def _lengthwise(length: float, measured: list[Drawn]) -> Lengthwise:
    logs = [_logs(each, length, _by_answers) for each in measured]
    clock = [_logs(each, length, lambda *of: _by_clock(*of, length)) for each in measured]
    turns = [
        visit.turn
        for each in measured
        for driven in each.block.driven
        for visit in each.visits(driven, length)
    ]
    wall = sum(each.drained - each.asked for each in turns) / NS
    return Lengthwise(
        length,
        null=[each["A'"] - each["A"] for each in logs],
        ratio=[each["B"] - each["A"] for each in logs],
        null_by_clock=[each["A'"] - each["A"] for each in clock],
        ratio_by_clock=[each["B"] - each["A"] for each in clock],
        wall_over_slice=wall / sum(each.seconds for each in turns),
    )


type _Counted = tuple[int, float]  # answers and seconds


def _logs(
    measured: Drawn, length: float, count: Callable[[Driven, Visit[Turn]], _Counted]
) -> dict[str, float]:
    """Logarithm of each subject's answers per second, over all slices of a length."""
    logs = {}
    for driven in measured.block.driven:
        counted = [count(driven, visit) for visit in measured.visits(driven, length)]
        logs[driven.target.subject] = math.log(
            sum(answers for answers, _ in counted) / sum(seconds for _, seconds in counted)
        )
    return logs


def _by_answers(_driven: Driven, visit: Visit[Turn]) -> _Counted:
    return visit.turn.answers, visit.turn.seconds


def _by_clock(driven: Driven, visit: Visit[Turn], length: float) -> _Counted:
    stop = visit.turn.start.at + round(length * NS)
    ends = [row[2] for row in driven.subject.samples.rows(*visit.turn.rows)]
    return sum(end <= stop for end in ends), length


def _slices(block: Switched) -> tuple[tuple[Slice, ...], ...]:
    """All slices, round after round, as the analysis has them."""
    rounds: dict[int, list[tuple[int, Slice]]] = {}
    for driven in block.driven:
        for visit in driven.visits:
            each = Slice(driven.target.subject, visit.turn.answers, visit.turn.seconds)
            rounds.setdefault(visit.place.round, []).append((visit.place.position, each))
    ordered = [sorted(rounds[number], key=lambda pair: pair[0]) for number in sorted(rounds)]
    return tuple(tuple(each for _, each in visits) for visits in ordered)


def _spread(values: list[float]) -> dict[str, float | None]:
    return {
        "mean": mean(values) if values else None,
        "sd": stdev(values) if len(values) > 1 else None,
    }


def _told(each: Lengthwise) -> dict[str, object]:
    return {
        "length_s": each.length_s,
        "null": _spread(each.null),
        "ratio": _spread(each.ratio),
        "null_by_clock": _spread(each.null_by_clock),
        "ratio_by_clock": _spread(each.ratio_by_clock),
        "wall_over_slice": each.wall_over_slice,
        "blocks": {"null": each.null, "ratio": each.ratio},
    }


def _table(lengths: list[Lengthwise]) -> Table:
    heads = ("slice", "ln(A'/A)", "ln(B/A)", "by the clock: ln(A'/A)", "ln(B/A)", "wall over slice")
    shown = Table(*heads, title="mean and standard deviation over blocks")
    for each in lengths:
        arms = (each.null, each.ratio, each.null_by_clock, each.ratio_by_clock)
        cells = [_cell(_spread(values)) for values in arms]
        shown.add_row(f"{each.length_s:g} s", *cells, f"{each.wall_over_slice:.2f}")
    return shown


def _cell(spread: dict[str, float | None]) -> str:
    return ", ".join("-" if value is None else f"{value:.4f}" for value in spread.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
