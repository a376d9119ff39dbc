"""Recorded trials, to be broken in a copy, and how each gate is made to pass and to fail.

tests/gates/data is cut from a bundle of a real run: two services, read-one and write, each under
wrk and under the open loop, one second a trial, on a 2-core VM.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.gates import Context, PairEvidence, RunEvidence, TrialEvidence
from bundle import outside, typed
from bundle.documents.host import HostReadings
from bundle.documents.plan import SealedPlan
from bundle.documents.readings import TrialReadings
from bundle.documents.services import Shown
from bundle.generators.client import Lag, Process
from tests.switchback import Block
from workloads.load.client.histograms import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parent / "data"
WRK, OPEN, OTHER, WRITE = (
    "asyncpg-read-one-wrk",
    "asyncpg-read-one-open",
    "tortoise-read-one-open",
    "asyncpg-write-open",
)


class Recorded:
    """One recorded trial in a folder of its own; its documents are edited before they are read.

    Attributes:
        folder: of the trial.
        names: subject, workload and load.
        observed: the readings of its record.
        plan: of the run.
        facts: of the host.
        packages: of the subject's stack.
        answers: of the subject, in the diagnostic pass.
    """

    def __init__(self, name: str, scratch: Path, profile: str, tier: str) -> None:
        self.folder = scratch / name
        shutil.copytree(DATA / "trials" / name, self.folder)
        record = json.loads((self.folder / "trial.json").read_bytes())
        self.names = {key: record[key] for key in ("subject", "workload", "load")}
        self.observed: dict[str, Any] = record["readings"]
        self.resolved: dict[str, Any] = outside.yaml_of(DATA / SealedPlan.PATH)
        self.plan: dict[str, Any] = self.resolved["plan"]
        self.plan["profile"] = profile
        self.tier = tier
        self.packages: dict[str, str] = {}
        self.answers: list[dict[str, Any]] = []

    @property
    def context(self) -> Context:
        context = of_tier(self.tier, SealedPlan.model_validate(self.resolved))
        subject = self.names["subject"]
        answers = msgspec.convert(self.answers, list[Shown])
        context.answers.update({subject: {each.request: each for each in answers}})
        context.packages.update({subject: self.packages})
        return context

    @property
    def counted(self) -> dict[str, Any]:
        return self.observed["host"]["kernel"]["counted"]

    @property
    def database(self) -> dict[str, Any]:
        return self.observed["host"]["database"]

    def edit(self, file: str, change: Callable[[dict[str, Any]], None]) -> None:
        document = json.loads((self.folder / file).read_bytes())
        change(document)
        (self.folder / file).write_text(json.dumps(document))

    def dispatch(self, milliseconds: float) -> None:
        """Give every request the same dispatch delay."""
        rows = json.loads((self.folder / "client.json").read_bytes())["samples"]["rows"]
        histogram = Histogram()
        histogram.add([round(milliseconds * 1e6)] * rows)
        (self.folder / "dispatch.hdr").write_bytes(histogram.encode())

    def evidence(self) -> TrialEvidence:
        return TrialEvidence(
            folder=self.folder,
            readings=msgspec.convert(self.observed, TrialReadings),
            context=self.context,
            **self.names,
        )


def of_tier(tier: str, sealed: SealedPlan) -> Context:
    """The recorded context on a host of another tier, and with another plan."""
    context = Context.read(DATA)
    placement = msgspec.structs.replace(context.facts.placement, tier=tier)
    facts = msgspec.structs.replace(context.facts, placement=placement)
    return replace(context, sealed=sealed, facts=facts)


def pair(baseline: Recorded, candidate: Recorded) -> PairEvidence:
    return PairEvidence([baseline.evidence()], [candidate.evidence()])


def run(
    completed: int,
    failed: int,
    readings: HostReadings | None,
    *,
    profile: str = "bare-metal",
    loads: dict[str, Any] | None = None,
) -> RunEvidence:
    """A run of the recorded plan under another profile, and with more loads."""
    resolved = outside.yaml_of(DATA / SealedPlan.PATH)
    resolved["plan"]["profile"] = profile
    resolved["plan"]["loads"] |= loads or {}
    context = of_tier("exclusive-core", SealedPlan.model_validate(resolved))
    hosts = () if readings is None else (readings,)
    return RunEvidence(completed, failed, hosts, context, fastest={}, floors={})


def host_readings() -> HostReadings:
    """Readings of the 2-core VM the trials were recorded on."""
    return typed.read(DATA, HostReadings)


@dataclass(frozen=True)
class Case:
    """How a gate of one trial is made to fail on a recorded trial that passes it."""

    trial: str
    fail: Callable[[Recorded], object]
    prepare: Callable[[Recorded], object] = lambda _trial: None


def told(**changes: Any) -> Callable[[Recorded], None]:
    return lambda trial: trial.edit("client.json", lambda document: document.update(changes))


def nested(part: str, **changes: Any) -> Callable[[Recorded], None]:
    return lambda trial: trial.edit("client.json", lambda document: document[part].update(changes))


def counted(**changes: Any) -> Callable[[Recorded], None]:
    return lambda trial: trial.counted.update(changes)


def in_log(**changes: Any) -> Callable[[Recorded], None]:
    return lambda trial: trial.database["log"].update(changes)


def connections(**changes: Any) -> Callable[[Recorded], None]:
    return lambda trial: trial.database["connections"].update(changes)


def dumped(**changes: Any) -> Callable[[Recorded], None]:
    return lambda trial: trial.edit("wrk.json", lambda document: document.update(changes))


def _one_row(moved: str, table: str, rows: int) -> Callable[[Recorded], None]:
    return lambda trial: trial.observed["counters"]["after"][table].update({moved: rows})


def _late(trial: Recorded) -> None:
    trial.edit("wrk.json", lambda document: document["errors"].update(timeout=1))


def _other_bodies(trial: Recorded) -> None:
    def change(document: dict[str, Any]) -> None:
        first = next(iter(document["bodies"]["digests"].values()))
        first.append("0" * 64)

    trial.edit("client.json", change)


def _course(response_ms: Callable[[float], float]) -> Callable[[Recorded], None]:
    """Give the trial samples whose response time depends on the moment, and scatters by 1 %."""

    def write(trial: Recorded) -> None:
        draw = np.random.default_rng(1)
        due_s = np.linspace(0, 1, 4000, endpoint=False)
        took_ms = np.array([float(response_ms(second)) for second in due_s])
        took_ms *= draw.normal(1, 0.01, len(due_s))
        due_ns = (due_s * 1e9).astype("int64")
        _write_samples(trial, due_ns, due_ns + (took_ms * 1e6).astype("int64"))

    return write


ANSWER = {
    "request": "GET /users/1",
    "status": 200,
    "content_type": "application/json",
    "content_length": "2",
    "sha256": "0" * 64,
    "bytes": 2,
}
SHOWN = ANSWER | {"operation": "read-user", "expected_status": 200, "begins": ""}


def _probed(**changes: Any) -> Callable[[Recorded], None]:
    """Give the trial one probe, beside the answer of the diagnostic pass."""

    def probe(trial: Recorded) -> None:
        trial.answers = [SHOWN]
        trial.observed["probes"] = [ANSWER | changes]

    return probe


RUNTIME = {
    "flags": dict.fromkeys(
        ("bytes_warning", "debug", "dev_mode", "inspect", "optimize", "verbose"), 0
    ),
    "debug_build": False,
    "asyncio_debug": False,
    "tracemalloc": False,
    "allocator": "pymalloc",
    "allocator_of_build": "pymalloc",
    "preloaded": [],
    "variables": [],
}


def _runs(**changes: Any) -> Callable[[Recorded], None]:
    """Let the service say how its Python runs."""
    return lambda trial: trial.observed["health"].update(runtime=RUNTIME | changes)


def _sampled(**changes: Any) -> Callable[[Recorded], None]:
    """Have the sampler tell what it does since the trials were recorded."""
    told = {"stopped": {"service": 0, "load": 0}, "unread": {}, "found_by": {}}
    return lambda trial: trial.observed["sampler"].update(told | changes)


def _two_looks(trial: Recorded) -> None:
    """Leave of the database, as if on a host with an agent of its own, the first and last look."""
    path = trial.folder / "resources.parquet"
    table = pq.read_table(path)
    rounds = table.column("round").to_numpy()
    other = np.array(table.column("role").to_pylist()) != "database"
    kept = other | (rounds == rounds.min()) | (rounds == rounds.max())
    pq.write_table(table.filter(pa.array(kept)), path, write_page_checksum=True)


def _silent(trial: Recorded) -> None:
    """Give the trial samples of whose answers none comes in the second second."""
    due = np.linspace(0, 3, 3000, endpoint=False)
    end = np.where((due > 1) & (due < 2.5), 2.5, due) + 0.001
    _write_samples(trial, (due * 1e9).astype("int64"), (end * 1e9).astype("int64"))


def _busy(*cpu_s: float) -> Callable[[Recorded], None]:
    """Let the client have had processes that used so much CPU time."""
    lag = Lag(median=None, max=None)
    processes = [
        Process(
            pid=1,
            requests_in_window=0,
            samples=0,
            cpu_s=seconds,
            peak_rss_bytes=0,
            loop_lag_ms=lag,
        )
        for seconds in cpu_s
    ]
    return told(processes=msgspec.to_builtins(processes))


def _write_samples(trial: Recorded, due_ns: Any, end_ns: Any) -> None:
    columns = {
        "intended_ns": due_ns,
        "sent_ns": due_ns,
        "end_ns": end_ns,
        "operation": np.zeros(len(due_ns), "uint16"),
        "status": np.full(len(due_ns), 200, "uint16"),
    }
    pq.write_table(pa.table(columns), trial.folder / "samples.parquet", write_page_checksum=True)


def _suspended(seconds: float) -> Callable[[Recorded], None]:
    return lambda trial: trial.observed["host"]["kernel"].update(suspended_s=seconds)


def _well_answered(trial: Recorded) -> None:
    _sampled()(trial)
    _course(lambda _second: 1)(trial)


def _stepped(seconds: float) -> Callable[[Recorded], None]:
    return lambda trial: trial.observed["host"]["kernel"].update(clock_stepped_s=seconds)


def pace(khz: int | None = 4_490_000, celsius: float = 71) -> dict[str, Any]:
    """A busy CPU of 4.5 GHz without boost ran so fast, and the processor became so hot."""
    clock = {"planned_khz": 4_500_000, "looks": 3, "mean_khz": khz, "lowest_khz": khz}
    clocks = {"0": clock | {"mean_khz": 4_500_000}, "1": clock}
    heat = {"sensor": "k10temp Tctl", "limit_mc": 95_000, "limit_from": "AMD"}
    heat |= {"highest_mc": round(1000 * celsius)}
    return {"clocks": clocks, "clocks_unread": None, "heat": heat, "heat_unread": None}


def paced(*told: float | None) -> Callable[[Recorded], None]:
    return lambda trial: trial.observed["host"]["kernel"].update(pace=pace(*told))


def switched(**readings: int | None) -> Callable[[Recorded], None]:
    """Let the trial be one of load that switches, each of whose slices has such readings."""

    def change(trial: Recorded) -> None:
        for file in ("client.json", "switchback.json"):
            (trial.folder / file).unlink(missing_ok=True)
        block = Block({"a": 1000.0, "b": 500.0}, readings=lambda *_: readings)
        made = block.write(trial.folder / f"block-{len(list(trial.folder.iterdir()))}")["a"]
        for path in made.iterdir():
            shutil.copy(path, trial.folder)

    return change


TRIAL_CASES = {
    "generator-output": Case(WRK, dumped(bytes=1)),
    "no-requests": Case(OPEN, told(requests_in_window=0)),
    "stopped": Case(WRK, _sampled(stopped={"service": 3, "load": 0}), prepare=_sampled()),
    "stall": Case(OPEN, _silent, prepare=_well_answered),
    "unwatched": Case(WRK, _two_looks, prepare=_sampled()),
    "processes-unread": Case(WRK, _sampled(unread={"database": "a reason"}), prepare=_sampled()),
    "request-errors": Case(OPEN, nested("errors", status=1)),
    "timeouts": Case(WRK, _late),
    "connections": Case(WRK, dumped(connections_opened=3)),
    "littles-law": Case(WRK, dumped(connections_opened=8)),
    "achieved": Case(OPEN, nested("open_loop", achieved=0.98)),
    "dropped": Case(OPEN, nested("open_loop", dropped=1)),
    "dispatch": Case(
        OPEN, lambda trial: trial.dispatch(5), prepare=lambda trial: trial.dispatch(0.1)
    ),
    "generator-cpu": Case(OPEN, _busy(0.2, 0.9)),
    "unrecorded": Case(OPEN, nested("samples", rows=10_000)),
    "subject": Case(OPEN, lambda trial: trial.observed["health"].update(service="tortoise")),
    "probes": Case(OPEN, _probed(sha256="1" * 64), prepare=_probed()),
    "rows-unchanged": Case(OPEN, _one_row("updated", "users", 1)),
    "rows-changed": Case(WRITE, _one_row("inserted", "orders", 0)),
    "bodies": Case(OPEN, _other_bodies),
    "pools": Case(OPEN, connections(after={"": 5})),
    "connections-replaced": Case(OPEN, connections(kept=3)),
    "extensions": Case(
        OPEN, lambda trial: trial.observed["health"]["extensions"].update(aiohttp=False)
    ),
    "runtime": Case(OPEN, _runs(asyncio_debug=True), prepare=_runs()),
    "cpus": Case(
        OPEN, lambda trial: trial.observed["affinity"]["observed"]["load"].update({"1": [0, 1]})
    ),
    "steal": Case(OPEN, counted(cpu_ticks={"0": 100, "1": 100}, steal_ticks={"0": 0, "1": 2})),
    "pressure-memory": Case(OPEN, counted(psi_memory_some_us=500_000)),
    "pressure-io": Case(OPEN, counted(psi_io_some_us=500_000)),
    "swap": Case(OPEN, counted(swapped_in=1)),
    "throttled": Case(OPEN, counted(throttled=1)),
    "overheated": Case(
        OPEN, counted(overheated={"0": 0, "1": 1}), prepare=counted(overheated={"0": 0, "1": 0})
    ),
    "frequency": Case(OPEN, paced(4_300_000), prepare=paced()),
    "temperature": Case(OPEN, paced(4_490_000, 90.5), prepare=paced()),
    "tcp-retransmitted": Case(OPEN, counted(tcp_retransmitted=2, tcp_sent=1000)),
    "listen-queue": Case(OPEN, counted(listen_drops=1)),
    "kernel-log": Case(
        OPEN,
        lambda trial: trial.observed["host"]["kernel"].update(
            kernel_log={"messages": 2, "errors": 1}
        ),
    ),
    "clock": Case(OPEN, _stepped(-0.5), prepare=_stepped(0.001)),
    "suspended": Case(OPEN, _suspended(3.5), prepare=_suspended(0.000_01)),
    "checkpoint": Case(OPEN, in_log(checkpoints=1)),
    "autovacuum": Case(OPEN, in_log(autovacuums=1)),
    "restless": Case(OPEN, switched(rest_ns=10_000_000), prepare=switched(rest_ns=10_000)),
    "foreign-load": Case(
        OPEN, switched(foreign_ns=30_000_000), prepare=switched(foreign_ns=10_000_000)
    ),
    "drift": Case(
        OPEN, _course(lambda second: 1 + 0.3 * second), prepare=_course(lambda _second: 1)
    ),
    "levels": Case(
        OPEN, _course(lambda second: 1.2 if second > 0.6 else 1), prepare=_course(lambda _second: 1)
    ),
}
