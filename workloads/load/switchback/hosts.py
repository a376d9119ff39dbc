"""The readings of all hosts of a block: of this one at once, of the others by asking their agents.

At the ends of a slice the load asks and goes on; it takes the answers in when the turn is over. A
reading has the instant at which it was taken, by the clock of its host. Each time a service rests,
the load asks and waits: what is counted then lies within the rest, and the round trip compares the
clocks. So no clock can drift away in a long block, and the load knows how late each reading was.
"""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import dataclass
from time import monotonic_ns, process_time_ns
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from bundle.codec import Part
from workloads.load.switchback.meter import (
    DATABASE_ELSEWHERE,
    SERVICE_ELSEWHERE,
    Reading,
    minus,
    spent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bundle.generators.slices import Role
    from workloads.load.switchback.meter import Meter, Spent, Value

_PATIENCE_S: Final = 1.0  # a reading that comes later would lie anywhere
_COMPARED: Final = 8  # round trips, the shortest of which tells the clock (RFC 5905, clock filter)


class Question(Part, frozen=True, kw_only=True):
    """What the load asks another host."""

    of: str  #: the subject whose slice begins or ends
    find: bool = False  #: whether to look for the processes of its service first


def answer(meter: Meter, question: bytes) -> bytes:
    """Answer a line of the load.

    Raises:
        ValueError: it is no question.
    """
    asked = msgspec.json.decode(question, type=Question)
    if asked.find:
        meter.find(asked.of)
    return msgspec.json.encode(meter.read(asked.of)) + b"\n"


@dataclass(slots=True)
class Answer:
    """A reading of another host: due, then there, or the reason why it never comes."""

    asked_ns: int  #: when the load asked, by its own clock
    reading: Reading | str = "it was not taken in"


class OtherHost:
    """The agent of another host, which answers in the order of the questions.

    Args:
        role: of that host.
        descriptor: of a connection to it.
    """

    def __init__(self, role: Role, descriptor: int) -> None:
        self._role = role
        self._connection = socket.socket(fileno=descriptor)
        self._connection.settimeout(_PATIENCE_S)
        self._lines = self._connection.makefile("rb")
        self._due: deque[Answer] = deque()
        self._lost: str | None = None
        #: by round trip, nanoseconds: how far that host's clock is ahead of this one's
        self._clocks: deque[tuple[int, int]] = deque(maxlen=_COMPARED)

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
        self._connection.close()

    def ask(self, name: str, *, find: bool = False) -> Answer:
        """Ask for a reading; the answer is there after `take_in`."""
        asked = Answer(monotonic_ns())
        self._due.append(asked)
        if self._lost is None:
            try:
                self._connection.sendall(msgspec.json.encode(Question(of=name, find=find)) + b"\n")
            except OSError as problem:
                self._lost = f"{self._role}: its agent is gone: {problem}"
        return asked

    def take_in(self) -> None:
        """Wait for the answers that are due. A host that misses one is asked nothing more."""
        for each in self._due:
            each.reading = self._next() if self._lost is None else self._lost
        self._due.clear()

    def read(self, name: str, *, find: bool = False) -> Reading | str:
        """Ask and wait, which compares the clocks as well."""
        self.take_in()
        asked = self.ask(name, find=find)
        self.take_in()
        now = monotonic_ns()
        if isinstance(asked.reading, Reading):
            ahead = asked.reading.at_ns - (asked.asked_ns + now) // 2
            self._clocks.append((now - asked.asked_ns, ahead))
        return asked.reading

    def late_ns(self, *answers: Answer) -> int | None:
        """How far the furthest of some readings is from its question, to half a round trip."""
        if not self._clocks:
            return None
        _, ahead = min(self._clocks)
        instants = [
            (each.reading.at_ns - ahead, each.asked_ns)
            for each in answers
            if isinstance(each.reading, Reading)
        ]
        if len(instants) < len(answers):
            return None
        return max(abs(taken - asked) for taken, asked in instants)

    def _next(self) -> Reading | str:
        try:
            if line := self._lines.readline():
                return msgspec.json.decode(line, type=Reading)
        except (OSError, msgspec.DecodeError) as problem:
            self._lost = f"{self._role}: its agent does not answer: {problem}"
        self._lost = self._lost or f"{self._role}: its agent is gone"
        return self._lost


class Asked(NamedTuple):
    """A reading of all hosts."""

    load: int  #: CPU time of the generator
    here: Reading
    there: Mapping[Role, Answer]


class OnHost(NamedTuple):
    """What one host did in a slice."""

    steal: Value
    foreign: Value
    late_ns: int | None  #: how far its readings are from the slice's ends; None of this host


@dataclass(frozen=True, slots=True)
class UsedInSlice:
    """What was used in a slice, as `bundle.generators.slices.Slice` has it."""

    service: Value
    database: Value
    load: int
    delay: Value
    steal: Value
    foreign: Value
    hosts: Mapping[Role, OnHost]  #: empty if there is no other host


class Hosts:
    """The hosts of a block.

    Args:
        own: the meter of this host.
        readers: by role of another host, the descriptor of a connection to its agent.
        load_ns: reads the CPU time of the generator.
    """

    def __init__(
        self,
        own: Meter,
        readers: Mapping[Role, int],
        *,
        load_ns: Callable[[], int] = process_time_ns,
    ) -> None:
        self._own = own
        self._load_ns = load_ns
        self._rests: dict[str, tuple[int, Value]] = {}
        self._others = {role: OtherHost(role, each) for role, each in readers.items()}

    def close(self) -> None:
        """Close the connections."""
        for other in self._others.values():
            other.close()

    def find(self, name: str) -> None:
        """Find the processes of a service: later ones are not read."""
        self._own.find(name)
        for other in self._others.values():
            other.read(name, find=True)

    def service_ns(self, name: str) -> Value:
        """CPU time of a service's processes, while nobody asks it anything."""
        told = {role: other.read(name) for role, other in self._others.items()}
        if "app" not in told:
            return self._own.service_ns(name)
        app = told["app"]
        return app if isinstance(app, str) else app.services.get(name, SERVICE_ELSEWHERE)

    def rest(self, name: str, at: int) -> None:
        """Note that nobody asks a service from an instant on, which is about now."""
        self._rests[name] = at, self.service_ns(name)

    def rested(self, name: str) -> tuple[int, Value]:
        """Since when nobody has asked a service, and the CPU time that it has used since."""
        since, used = self._rests[name]
        return since, minus(self.service_ns(name), used)

    def read(self, name: str) -> Asked:
        """Read this host, and ask the others, at an end of a subject's slice."""
        there = {role: other.ask(name) for role, other in self._others.items()}
        return Asked(self._load_ns(), self._own.read(name), there)

    def used(self, name: str, before: Asked, after: Asked) -> UsedInSlice:
        """What was used between two readings for the same subject, once its turn is over."""
        load = after.load - before.load
        told: dict[Role, Spent | str] = {"load": spent(name, before.here, after.here, load=load)}
        late: dict[Role, int | None] = {}
        for role, other in self._others.items():
            other.take_in()
            ends = before.there[role], after.there[role]
            told[role] = _between(name, *(each.reading for each in ends))
            late[role] = other.late_ns(*ends)
        known = [each for each in told.values() if not isinstance(each, str)]
        lacks = [each for each in told.values() if isinstance(each, str)]
        hosts = {role: _on_host(role, each, late.get(role)) for role, each in told.items()}
        return UsedInSlice(
            service=_only([each.service for each in known], lacks, SERVICE_ELSEWHERE),
            database=_only([each.database for each in known], lacks, DATABASE_ELSEWHERE),
            load=load,
            delay=_only([each.delay for each in known], lacks, SERVICE_ELSEWHERE),
            steal=_sum(each.steal for each in hosts.values()),
            foreign=_sum(each.foreign for each in hosts.values()),
            hosts=hosts if self._others else {},
        )


def _between(name: str, before: Reading | str, after: Reading | str) -> Spent | str:
    if isinstance(before, str):
        return before
    return after if isinstance(after, str) else spent(name, before, after)


def _on_host(role: Role, told: Spent | str, late_ns: int | None) -> OnHost:
    if isinstance(told, str):
        return OnHost(told, told, None)
    steal, foreign = (
        f"{role}: {each}" if isinstance(each, str) else each for each in (told.steal, told.foreign)
    )
    return OnHost(steal, foreign, late_ns)


def _only(values: Sequence[Value | None], lacks: Sequence[str], elsewhere: str) -> Value:
    """The value of the one host that has it, or why it is unknown."""
    known = [each for each in values if each is not None]
    return [*known, *lacks, elsewhere][0]


def _sum(values: Iterable[Value]) -> Value:
    total = 0
    for each in values:
        if isinstance(each, str):
            return each
        total += each
    return total
