"""One block: open, warm up, choose the length of slices, and measure round after round."""

from __future__ import annotations

import asyncio
import gc
import math
from asyncio import FIRST_COMPLETED
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from bundle.generators.switchback import FEWEST_SETS, SLICES_S
from workloads.load.client.connections import NS, client_fault, noticed, tick
from workloads.load.switchback.course import Visit, fitting_s, in_time, turns
from workloads.load.switchback.hosts import Hosts
from workloads.load.switchback.meter import Meter
from workloads.load.switchback.rounds import rounds
from workloads.load.switchback.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workloads.load.client.failure import LoadError
    from workloads.load.client.rows import Table
    from workloads.load.switchback.spec import BlockSpec, SubjectSpec
    from workloads.load.switchback.subject import Turn

_STEP_S = 0.05


@dataclass
class Driven:
    """One subject: what it was, and all its slices."""

    target: SubjectSpec  #: the settings
    table: Table  #: what it was sent
    subject: Subject  #: samples, errors and bodies
    visits: list[Visit[Turn]] = field(default_factory=list)  #: in their order
    set_s: float = 0.0  #: seconds for an answer on every connection, warming up
    around_s: float = 0.0  #: seconds that its turn takes beyond the slice


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
    begun, loop = monotonic_ns(), asyncio.get_running_loop()
    over: asyncio.Future[LoadError] = loop.create_future()
    pids = {each.subject: each.service_pid for each in settings.subjects}
    hosts = Hosts(Meter(pids, settings.server_pid), settings.readers)
    driven = [
        Driven(target, table, _subject(settings, target, table, hosts, over))
        for target, table in zip(settings.subjects, tables, strict=True)
    ]
    block = Switched(driven)
    loop.set_exception_handler(lambda _loop, context: _end(over, noticed(context)))
    try:
        for each in driven:
            await each.subject.open(settings.connections)
        gc.freeze()
        driven[0].subject.spawn(tick(lambda now: _watch(driven, now), block.lags_ns))
        await _warm_up(settings, block, hosts, over)
        until = settings.deadline(begun)
        left_s = math.inf if until is None else (until - monotonic_ns()) / NS
        block.slice_s = slice_s(settings.slice_s, driven, left_s=left_s)
        if lengths is None:
            lengths = [block.slice_s] * settings.rounds(block.slice_s)
        await _rounds(settings, block, hosts, over, lengths=lengths, until_ns=until)
    except _Over as ended:
        block.failure = ended.failure
    finally:
        hosts.close()
        for each in driven:
            await each.subject.close()
    return block


def slice_s(planned: float | None, driven: Sequence[Driven], *, left_s: float = math.inf) -> float:
    """The length of slices: the plan's, or the shortest with enough sets of answers.

    Args:
        planned: by the plan; None if it has none.
        driven: the subjects, which were warmed up.
        left_s: of the time of the block; the slices are shorter where it has no room for a round.
    """
    if planned is not None:
        return planned
    slowest = max(each.set_s for each in driven)
    enough = next((each for each in SLICES_S if each >= FEWEST_SETS * slowest), SLICES_S[-1])
    around = [each.around_s for each in driven]
    return fitting_s(enough, around, left_s=left_s, least_s=slowest, step_s=_STEP_S)


class _Over(Exception):  # noqa: N818 - it is caught here, and carries the error
    def __init__(self, failure: LoadError) -> None:
        self.failure = failure


def _subject(
    settings: BlockSpec,
    target: SubjectSpec,
    table: Table,
    hosts: Hosts,
    over: asyncio.Future[LoadError],
) -> Subject:
    name = target.subject
    spec = settings.closed_loop(target)
    return Subject(name, spec, table.rows, lambda: hosts.read(name), over)


def _end(over: asyncio.Future[LoadError], problem: BaseException) -> None:
    if not over.done():
        over.set_result(client_fault(problem, "all subjects"))


def _watch(driven: list[Driven], now: int) -> None:
    for each in driven:
        each.subject.watch(now)


async def _warm_up(
    settings: BlockSpec, block: Switched, hosts: Hosts, over: asyncio.Future[LoadError]
) -> None:
    half = round(settings.warmup_s * NS / 2)
    for each in block.driven:
        turn = await _either(each.subject.turn(ramp_ns=half, slice_ns=half), over)
        each.set_s = settings.connections * turn.seconds / turn.answers
        # A turn waits for every connection before its slice, as it does after it. Both take longer
        # than a set where a service answers some connections late.
        each.around_s = 2 * max(each.set_s, (turn.drained - turn.stop.at) / NS)
        hosts.find(each.target.subject)
        hosts.rest(each.target.subject, turn.drained)
    for each in block.driven:
        each.subject.forget()


async def _rounds(
    settings: BlockSpec,
    block: Switched,
    hosts: Hosts,
    over: asyncio.Future[LoadError],
    *,
    lengths: list[float],
    until_ns: int | None,
) -> None:
    by_name = {each.target.subject: each for each in block.driven}
    order = islice(rounds(settings.seed, list(by_name)), len(lengths))
    for place in turns(in_time(order, until_ns)):
        name, length = place.subject, lengths[place.round - 1]
        each = by_name[name]
        since, rest = hosts.rested(name)
        turn = await _either(
            each.subject.turn(ramp_ns=round(each.set_s * NS), slice_ns=round(length * NS)), over
        )
        used = hosts.used(name, turn.start.reading, turn.stop.reading)
        each.visits.append(Visit(place, turn, used, turn.asked - since, rest))
        hosts.rest(name, turn.drained)


async def _either(turn: asyncio.Future[Turn], over: asyncio.Future[LoadError]) -> Turn:
    """Wait for a turn, or the failure that ends the load."""
    both: set[asyncio.Future[Any]] = {turn, over}
    await asyncio.wait(both, return_when=FIRST_COMPLETED)
    if over.done():
        raise _Over(over.result())
    return turn.result()
