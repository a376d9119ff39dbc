"""One block: open, warm up, choose the length of slices, and measure round after round."""

from __future__ import annotations

import asyncio
import gc
import math
import signal
from asyncio import FIRST_COMPLETED
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bundle.generators.switchback import FEWEST_SETS, SLICES_S
from workloads.load.client.connections import NS, client_fault, noticed, tick
from workloads.load.switchback.meter import Meter, minus
from workloads.load.switchback.rounds import rounds
from workloads.load.switchback.subject import Subject

if TYPE_CHECKING:
    from workloads.load.client.failure import LoadError
    from workloads.load.client.rows import Table
    from workloads.load.switchback.meter import Spent, Value
    from workloads.load.switchback.spec import BlockSpec, SubjectSpec
    from workloads.load.switchback.subject import Turn


@dataclass(frozen=True, slots=True)
class Visit:
    """One slice of a subject, with what lies around it."""

    round: int  #: from 1
    position: int  #: in its round, from 1
    after: str | None  #: subject of the slice before; None of the first
    turn: Turn  #: the slice
    used: Spent  #: within the slice
    rested_ns: int  #: since the subject's last answer before this turn, until it was asked
    rest: Value  #: CPU time of the service in that time


@dataclass
class Driven:
    """One subject: what it was, and all its slices."""

    target: SubjectSpec  #: the settings
    table: Table  #: what it was sent
    subject: Subject  #: samples, errors and bodies
    visits: list[Visit] = field(default_factory=list)  #: in their order
    set_s: float = 0.0  #: seconds for an answer on every connection, warming up
    rested_at: int = 0  #: when its last answer was in, monotonic nanoseconds
    rested: Value = 0  #: CPU time of its service by then


@dataclass
class Switched:
    """What was measured."""

    driven: list[Driven]  #: in the order of the settings
    slice_s: float = 0.0  #: length that slices were to have; 0 if none began
    failure: LoadError | None = None  #: why not all rounds were measured
    lags_ns: list[int] = field(default_factory=list)  #: of the event loop, tick by tick

    @property
    def set_s(self) -> float:
        """Seconds that the slowest subject took to answer every connection."""
        return max(each.set_s for each in self.driven)

    @property
    def turns(self) -> list[Turn]:
        """Of all subjects, in their order."""
        visits = [visit for each in self.driven for visit in each.visits]
        return [each.turn for each in sorted(visits, key=lambda visit: visit.turn.asked)]


async def measure(
    settings: BlockSpec, tables: list[Table], lengths: list[float] | None = None
) -> Switched:
    """Measure a block; one that ended early says why.

    Args:
        settings: of the load.
        tables: what each subject is sent.
        lengths: of slices, seconds, round by round; None for one length, as the settings say.

    Raises:
        LoadError: code ``connect``: a service could not be reached at all.
        CancelledError: the process was told to end.
    """
    loop = asyncio.get_running_loop()
    if task := asyncio.current_task():
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    over: asyncio.Future[LoadError] = loop.create_future()
    pids = {each.subject: each.service_pid for each in settings.subjects}
    meter = Meter(pids, settings.server_pid)
    driven = [
        Driven(target, table, _subject(settings, target, table, meter, over))
        for target, table in zip(settings.subjects, tables, strict=True)
    ]
    block = Switched(driven)
    loop.set_exception_handler(lambda _loop, context: _end(over, noticed(context)))
    try:
        for each in driven:
            await each.subject.open(settings.connections)
        gc.freeze()
        driven[0].subject.spawn(tick(lambda now: _watch(driven, now), block.lags_ns))
        await _warm_up(settings, block, meter, over)
        await _rounds(settings, block, meter, over, lengths)
    except _Over as ended:
        block.failure = ended.failure
    finally:
        for each in driven:
            await each.subject.close()
    return block


def slice_s(planned: float | None, set_s: float) -> float:
    """The length of slices: the plan's, or the shortest with enough sets of answers."""
    if planned is not None:
        return planned
    return next((each for each in SLICES_S if each >= FEWEST_SETS * set_s), SLICES_S[-1])


class _Over(Exception):  # noqa: N818 - it is caught here, and carries the error
    def __init__(self, failure: LoadError) -> None:
        self.failure = failure


def _subject(
    settings: BlockSpec,
    target: SubjectSpec,
    table: Table,
    meter: Meter,
    over: asyncio.Future[LoadError],
) -> Subject:
    name = target.subject
    spec = settings.closed_loop(target)
    return Subject(name, spec, table.rows, lambda: meter.read(name), over)


def _end(over: asyncio.Future[LoadError], problem: BaseException) -> None:
    if not over.done():
        over.set_result(client_fault(problem, "all subjects"))


def _watch(driven: list[Driven], now: int) -> None:
    for each in driven:
        each.subject.watch(now)


async def _warm_up(
    settings: BlockSpec, block: Switched, meter: Meter, over: asyncio.Future[LoadError]
) -> None:
    half = round(settings.warmup_s * NS / 2)
    for each in block.driven:
        turn = await _either(each.subject.turn(ramp_ns=half, slice_ns=half), over)
        each.set_s = settings.connections * turn.seconds / turn.answers
        meter.find(each.target.subject)
        each.rested_at, each.rested = turn.drained, meter.service_ns(each.target.subject)
    for each in block.driven:
        each.subject.forget()
    block.slice_s = slice_s(settings.slice_s, block.set_s)


async def _rounds(
    settings: BlockSpec,
    block: Switched,
    meter: Meter,
    over: asyncio.Future[LoadError],
    lengths: list[float] | None,
) -> None:
    if lengths is None:
        # What is a whole number of slices must not become one more by a rounding error.
        count = math.ceil(settings.duration_s / block.slice_s - 1e-9)
        lengths = [block.slice_s] * count
    by_name = {each.target.subject: each for each in block.driven}
    order = rounds(settings.seed, list(by_name), len(lengths))
    after = None
    for number, (names, length) in enumerate(zip(order, lengths, strict=True), 1):
        for position, name in enumerate(names, 1):
            each = by_name[name]
            rest = minus(meter.service_ns(name), each.rested)
            turn = await _either(
                each.subject.turn(ramp_ns=round(each.set_s * NS), slice_ns=round(length * NS)), over
            )
            used = meter.used(name, turn.start.reading, turn.stop.reading)
            rested_ns = turn.asked - each.rested_at
            each.visits.append(Visit(number, position, after, turn, used, rested_ns, rest))
            each.rested_at, each.rested = turn.drained, meter.service_ns(name)
            after = name


async def _either(turn: asyncio.Future[Turn], over: asyncio.Future[LoadError]) -> Turn:
    """Wait for a turn, or the failure that ends the load."""
    both: set[asyncio.Future[Any]] = {turn, over}
    await asyncio.wait(both, return_when=FIRST_COMPLETED)
    if over.done():
        raise _Over(over.result())
    return turn.result()
