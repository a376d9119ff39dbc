"""One block: warm up, choose the length of slices, and run wrk on one service after the other."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic_ns
from typing import IO, TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from bundle.generators.wrk import Wrk, require_divided
from bundle.generators.wrk_switchback import FEWEST_SETS
from host import signals
from host.environment import environment
from workloads.load import wrk
from workloads.load.client.connections import NS
from workloads.load.client.failure import LoadError
from workloads.load.client.process import die_with_parent
from workloads.load.switchback.course import Visit, fitting_s, in_time, turns
from workloads.load.switchback.hosts import Hosts
from workloads.load.switchback.meter import Meter, cpu_ns
from workloads.load.switchback.rounds import rounds
from workloads.load.switchback.spec import BlockSettings, SubjectSpec
from workloads.load.switchback.subject import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator


class WrkSettings(BlockSettings, frozen=True, kw_only=True):
    """The load of wrk on all subjects of a block; all times are whole seconds."""

    threads: Annotated[int, Meta(ge=1)]  #: of wrk

    def __post_init__(self) -> None:
        """Refuse what wrk would not do, and what one run may not repeat after another."""
        super().__post_init__()
        require_divided(self.connections, self.threads)
        if not self.repeatable:
            raise ValueError("each run of wrk may send requests of the runs before it again")


@dataclass(frozen=True, slots=True)
class WrkRun:
    """One run of wrk; instants in monotonic nanoseconds."""

    asked: int  #: when it was started
    wrk: Wrk  #: what it measured
    first: Mark  #: about the start of the slice
    last: Mark  #: about its end
    ended: int  #: when it had ended
    drained: int  #: when its last requests were answered, though not to wrk

    @property
    def start(self) -> int:
        """Instant of the first answer, if that is known."""
        return self.wrk.first_answer_ns or self.wrk.begun_ns or self.asked

    @property
    def stop(self) -> int:
        """When wrk's clock stopped."""
        return (self.wrk.begun_ns or self.asked) + 1000 * self.wrk.duration_us

    @property
    def answers(self) -> int:
        """After the instant at which the slice begins."""
        return self.wrk.requests - (self.wrk.first_answer_ns is not None)


@dataclass
class WrkDriven:
    """One subject: what it was, and all its slices."""

    target: SubjectSpec  #: the settings
    visits: list[Visit[WrkRun]] = field(default_factory=list)  #: in their order
    sent: int = 0  #: requests of the table, in all runs
    set_s: float = 0.0  #: seconds for an answer on every connection, warming up
    around_s: float = 0.0  #: seconds that its turn takes beyond the slice


@dataclass
class WrkSwitched:
    """What was measured."""

    driven: list[WrkDriven]  #: in the order of the settings
    slice_s: int = 0  #: length that slices were to have; 0 if none began
    failure: LoadError | None = None  #: why not all rounds were measured


def measure(settings: WrkSettings, folder: Path) -> WrkSwitched:
    """Measure a block; one that ended early says why.

    Args:
        settings: of the load.
        folder: takes what wrk leaves, run by run.

    Raises:
        LoadError: code ``terminated``: the process was told to end.
    """
    begun = monotonic_ns()
    block = WrkSwitched([WrkDriven(target) for target in settings.subjects])
    load = _Load(settings, folder)
    hosts = load.hosts
    try:
        for each in block.driven:
            load.warm_up(each)
        until = settings.deadline(begun)
        left_s = math.inf if until is None else (until - monotonic_ns()) / NS
        block.slice_s = slice_s(settings.slice_s, block.driven, left_s=left_s)
        by_name = {each.target.subject: each for each in block.driven}
        order = islice(rounds(settings.seed, list(by_name)), settings.rounds(block.slice_s))
        for place in turns(in_time(order, until)):
            each = by_name[place.subject]
            since, rest = hosts.rested(place.subject)
            run = load.drive(each, block.slice_s)
            used = hosts.used(place.subject, run.first.reading, run.last.reading)
            each.visits.append(Visit(place, run, used, run.asked - since, rest))
    except LoadError as failure:
        if failure.code == "terminated":
            raise
        block.failure = failure
    finally:
        hosts.close()
    return block


def slice_s(planned: float | None, driven: list[WrkDriven], *, left_s: float = math.inf) -> int:
    """The length of slices: the plan's, or the shortest with enough sets of answers.

    Args:
        planned: by the plan; None if it has none.
        driven: the subjects, which were warmed up.
        left_s: of the time of the block; the slices are shorter where it has no room for a round.
    """
    if planned is not None:
        return round(planned)
    slowest = max(each.set_s for each in driven)
    around = [each.around_s for each in driven]
    enough, least = math.ceil(FEWEST_SETS * slowest), math.ceil(slowest)
    return round(fitting_s(max(1, enough), around, left_s=left_s, least_s=max(1, least), step_s=1))


class _Load:
    """Runs wrk on one subject at a time.

    Attributes:
        hosts: their readings.
    """

    def __init__(self, settings: WrkSettings, folder: Path) -> None:
        pids = {each.subject: each.service_pid for each in settings.subjects}
        meter = Meter(pids, settings.server_pid)
        self.hosts = Hosts(meter, settings.readers, load_ns=self._used_ns)
        self._settings = settings
        self._wrk_pid: int | None = None
        self._out = folder / "wrk_switchback.run.json"

    def warm_up(self, driven: WrkDriven) -> None:
        """Load a subject, and see how fast it answers."""
        run = self.drive(driven, round(self._settings.warmup_s))
        driven.set_s = self._settings.connections / run.wrk.throughput
        driven.around_s = (run.drained - run.asked - 1000 * run.wrk.duration_us) / NS
        self.hosts.find(driven.target.subject)
        self.hosts.rest(driven.target.subject, run.drained)

    def drive(self, driven: WrkDriven, duration_s: int) -> WrkRun:
        """Load a subject, and let it answer what wrk has left.

        Raises:
            LoadError: nothing was measured.
        """
        asked = monotonic_ns()
        told, first, last = self._measured(driven, duration_s)
        ended = monotonic_ns()
        driven.sent += told.requests
        # wrk closes its connections, and nothing shows when the service is done with what was
        # under way on them. It answers as much as that in this time.
        time.sleep(self._settings.connections / told.throughput)
        drained = monotonic_ns()
        self.hosts.rest(driven.target.subject, drained)
        return WrkRun(asked, told, first, last, ended, drained)

    def _measured(self, driven: WrkDriven, duration_s: int) -> tuple[Wrk, Mark, Mark]:
        settings, target = self._settings, driven.target
        address = f"{target.host}:{target.port}"
        where = f"{target.subject} at {address}"
        self._out.unlink(missing_ok=True)
        heard, signs = os.pipe()
        argv = wrk.command(
            threads=settings.threads,
            connections=settings.connections,
            duration_s=duration_s,
            timeout_s=round(settings.timeout_s),
            url=f"http://{address}",
            table=Path(settings.table),
            out=self._out,
            repeatable=True,
            skipped=driven.sent,
            signs=signs,
        )
        begun = self._mark(target.subject)
        try:
            with os.fdopen(heard, "rb", buffering=0) as heard_by, _running(argv, signs) as process:
                self._wrk_pid = process.pid
                marks = self._marks(heard_by, target.subject)
                _, stderr = process.communicate()
            if process.returncode:
                raise _failed(f"wrk ended with {process.returncode}: {stderr.strip()}", where)
            told = msgspec.json.decode(self._out.read_bytes(), type=Wrk)
        except (OSError, ValueError) as wrong:
            raise _failed(f"wrk left no report: {wrong}", where) from None
        finally:
            self._wrk_pid = None
            self._out.unlink(missing_ok=True)
        if told.begun_ns is None:
            raise _failed("wrk's LuaJIT has no FFI, so that it cannot say when it began", where)
        if not told.requests:
            raise LoadError(
                "unanswered",
                f"wrk had no answer within {duration_s} s",
                where=where,
                hint="see the service's log",
            )
        # An answer is the first one only if every connection could be opened.
        return told, marks.get(wrk.FIRST, begun), marks[wrk.LAST]

    def _marks(self, signs: IO[bytes], name: str) -> dict[bytes, Mark]:
        """Read what has been used when a sign comes for the first time, until wrk has ended."""
        marks: dict[bytes, Mark] = {}
        for sign in iter(partial(signs.read, 1), b""):
            if sign not in marks:
                marks[sign] = self._mark(name)
        return marks

    def _mark(self, name: str) -> Mark:
        reading = self.hosts.read(name)
        return Mark(monotonic_ns(), reading)

    def _used_ns(self) -> int:
        """CPU time of this process, and of wrk while it runs."""
        return time.process_time_ns() + (cpu_ns(self._wrk_pid) if self._wrk_pid else 0)


@contextmanager
def _running(argv: list[str], signs: int) -> Iterator[subprocess.Popen[str]]:
    """Run wrk, which alone keeps the descriptor ``signs``, so that reading ends when it does."""
    parent = os.getpid()

    def prepare() -> None:
        release()
        die_with_parent(signal.SIGKILL, parent)

    with ExitStack() as running:
        with signals.held(signal.SIGTERM) as release:
            try:
                process = subprocess.Popen(
                    argv,
                    env=environment("generator"),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                    pass_fds=(signs,),
                    preexec_fn=prepare,  # noqa: PLW1509 - this program has one thread
                )
            finally:
                os.close(signs)
            running.enter_context(process)
            running.callback(process.kill)  # which does nothing to one that was awaited
        yield process


def _failed(what: str, where: str) -> LoadError:
    hint = "is the service up, and wrk one with LuaJIT, such as Debian's?"
    return LoadError("generator-failed", what, where=where, hint=hint)
