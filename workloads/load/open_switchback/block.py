"""One block: warm up, and give each service its turns of an open loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic_ns
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, structs

from workloads.load.client import arrivals
from workloads.load.client.bodies import Bodies
from workloads.load.client.connections import NS
from workloads.load.client.driver import Window
from workloads.load.client.failure import LoadError
from workloads.load.client.open import OpenLoop
from workloads.load.client.spec import parse_spec
from workloads.load.switchback.course import Visit, turns
from workloads.load.switchback.hosts import Hosts
from workloads.load.switchback.meter import Meter
from workloads.load.switchback.rounds import rounds
from workloads.load.switchback.spec import BlockSettings, Seconds, SubjectSpec
from workloads.load.switchback.subject import Mark

if TYPE_CHECKING:
    from bundle.generators import client
    from workloads.load.client.rows import Table
    from workloads.load.client.samples import Chunk

_HEADSTART_NS = NS // 100  # from the last connection to the first arrival
_MOST_TURNS = 1_000_000  # of a seed: plans count theirs up by one for each block


class OpenSettings(BlockSettings, frozen=True, kw_only=True):
    """The load of the asyncio client on all subjects of a block."""

    slice_s: Seconds  #: length of a slice
    ramp_s: Seconds  #: seconds of each turn before its slice
    rate: Annotated[float, Meta(gt=0)]  #: requests per second
    arrivals: Literal["poisson", "constant"]
    cpu: int | None  #: where the generator stays; null leaves it where it is
    hash_fraction: Annotated[float, Meta(ge=0, le=1)]  #: share of the requests whose body is hashed

    def open_loop(self, target: SubjectSpec) -> client.Spec:
        """The open loop of one turn."""
        same = ("connections", "rate", "arrivals", "seed", "table", "repeatable", "timeout_s")
        return parse_spec(
            {
                "loop": "open",
                "host": target.host,
                "port": target.port,
                "warmup_s": self.ramp_s,
                "duration_s": self.slice_s,
                "hash_fraction": self.hash_fraction,
                **{key: getattr(self, key) for key in same},
            }
        )


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """One turn of a subject; instants in monotonic nanoseconds."""

    asked: int  #: when it began
    window: Window  #: its ramp and slice
    drained: int  #: when every answer was in, or given up
    first: Mark  #: about the start of the slice
    last: Mark  #: about its end
    planned: int  #: arrivals due in the slice
    chunks: list[Chunk]  #: the requests of the slice, instants from its start

    @property
    def answers(self) -> int:
        """Of the requests that were due in the slice."""
        return sum(status != 0 for chunk in self.chunks for status in chunk.status)


@dataclass
class OpenDriven:
    """One subject: what it was, and all its slices."""

    target: SubjectSpec  #: the settings
    table: Table  #: what it is sent, turn after turn
    visits: list[Visit[OpenTurn]] = field(default_factory=list)  #: in their order
    bodies: Bodies = field(default_factory=Bodies)
    errors: Counter[str] = field(default_factory=Counter)
    warmup_errors: Counter[str] = field(default_factory=Counter)
    failed: int = 0  #: requests due in the slices whose answer an error took away


@dataclass
class OpenSwitched:
    """What was measured."""

    driven: list[OpenDriven]  #: in the order of the settings
    failure: LoadError | None = None  #: why not all rounds were measured


async def measure(settings: OpenSettings, tables: list[Table]) -> OpenSwitched:
    """Measure a block; one that ended early says why.

    Args:
        settings: of the load.
        tables: what each subject is sent.

    Raises:
        CancelledError: the process was told to end.
    """
    pids = {each.subject: each.service_pid for each in settings.subjects}
    hosts = Hosts(Meter(pids, settings.server_pid), settings.readers)
    driven = [OpenDriven(*pair) for pair in zip(settings.subjects, tables, strict=True)]
    by_name = {each.target.subject: each for each in driven}
    block = OpenSwitched(driven)
    half = settings.warmup_s / 2
    try:
        for name, each in by_name.items():
            warming = await _turn(settings, each, hosts, 0, ramp_s=half, slice_s=half)
            each.warmup_errors += each.errors
            each.errors.clear()
            each.failed = 0
            hosts.find(name)
            hosts.rest(name, warming.drained)
        order = islice(rounds(settings.seed, list(by_name)), settings.rounds(settings.slice_s))
        for place in turns(order):
            name, each = place.subject, by_name[place.subject]
            since, rest = hosts.rested(name)
            turn = await _turn(
                settings,
                each,
                hosts,
                place.round,
                ramp_s=settings.ramp_s,
                slice_s=settings.slice_s,
            )
            used = hosts.used(name, turn.first.reading, turn.last.reading)
            each.visits.append(Visit(place, turn, used, turn.asked - since, rest))
            hosts.rest(name, turn.drained)
    except LoadError as failure:
        block.failure = failure
    finally:
        hosts.close()
    return block


async def _turn(
    settings: OpenSettings,
    driven: OpenDriven,
    hosts: Hosts,
    number: int,
    *,
    ramp_s: float,
    slice_s: float,
) -> OpenTurn:
    """Load one subject: a window of the client, whose answers are all awaited.

    Raises:
        LoadError: the service could not be reached, or is gone; or the table is used up.
    """
    name, loop = driven.target.subject, asyncio.get_running_loop()
    spec = structs.replace(settings.open_loop(driven.target), warmup_s=ramp_s, duration_s=slice_s)
    due = arrivals.draw(
        settings.arrivals,
        rate=settings.rate,
        seconds=ramp_s + slice_s,
        seed=_MOST_TURNS * settings.seed + number,
    )
    asked = monotonic_ns()
    driver = OpenLoop(spec, driven.table.rows, due)
    await driver.open(settings.connections)
    window = Window.of(spec, monotonic_ns() + _HEADSTART_NS)
    marks: list[Mark] = []
    timers = [
        loop.call_later((at - monotonic_ns()) / NS, lambda: marks.append(_mark(hosts, name)))
        for at in (window.start, window.stop)
    ]
    await driver.run(window)
    for timer in timers:
        timer.cancel()
    while len(marks) < len(timers):  # they may fire a tick late
        marks.append(_mark(hosts, name))
    driven.errors += driver.errors
    driven.warmup_errors += driver.warmup_errors
    driven.bodies.merge(driver.bodies.as_dict())
    if driver.failure:
        failed = driver.failure
        raise LoadError(
            failed.code, failed.what, where=f"{name} at {failed.where}", hint=failed.hint
        )
    driven.failed += driver.failed
    driver.samples.close()
    return OpenTurn(
        asked=asked,
        window=window,
        drained=monotonic_ns(),
        first=marks[0],
        last=marks[1],
        planned=sum(window.start <= window.begin + at < window.stop for at in due),
        chunks=list(driver.samples.chunks(window.start, window.stop)),
    )


def _mark(hosts: Hosts, name: str) -> Mark:
    reading = hosts.read(name)
    return Mark(monotonic_ns(), reading)
