"""Connections between two agents of a trial on several hosts.

The agent that drives the load says when the window begins and ends; the agent that watches the
processes of another host answers when it has done its part. Each message is a line of JSON, and the
next one follows only after its answer. The first message is a word that only the two agents know.

Under load that switches, the generator has a connection of its own, which the driving agent opens
and hands on: it asks for readings while it drives (`workloads.load.switchback.hosts`).
"""

from __future__ import annotations

import hmac
import socket
import time
from typing import TYPE_CHECKING, Literal, Self

import msgspec

from agent.failure import Failure
from bundle.codec import Part
from bundle.documents.readings import Clock

if TYPE_CHECKING:
    from agent.orders import RemoteSpec

type Deed = Literal["begin", "clock", "end", "reader", "stop"]
"""What the driver asks: begin the window, read the clock, end the window, stop the services; or let
in a second caller, the generator, which asks for readings at the ends of its slices."""

_TIMEOUT_S = 10.0  # of one answer; the slowest reads page tables
_ROUND_TRIPS = 16
_LONGEST = 1 << 16  # bytes of a message


class Hello(Part, frozen=True, kw_only=True):
    """The first message, with the word, and the answer to it, with the word reversed."""

    word: str


class Ask(Part, frozen=True, kw_only=True):
    """A request of the driver."""

    do: Deed


class Told(Part, frozen=True, kw_only=True):
    """The request is carried out; with the monotonic clock of this host, nanoseconds."""

    now_ns: int


class Listener:
    """The watching agent's end."""

    def __init__(self, address: str, word: str) -> None:
        self._word = word
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        #: readable when a caller connects
        self.socket = socket.create_server((address, 0), family=family, backlog=1)
        self.port = int(self.socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def accept(self) -> Caller | None:
        """Let a caller in; None if it does not know the word."""
        caller, _ = self.socket.accept()
        caller.settimeout(_TIMEOUT_S)
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            hello = _receive(caller, Hello)
        except (OSError, ValueError):
            hello = None
        if hello is None or not self._is_known(hello.word):
            caller.close()
            return None
        _send(caller, Hello(word=self._word[::-1]))
        return Caller(caller)

    def _is_known(self, word: str) -> bool:
        return hmac.compare_digest(word.encode(errors="replace"), self._word.encode())


class Caller:
    """Who asks: the agent that drives the load, or its generator.

    Its ``socket`` is readable when it asks, or is gone.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    def hear(self) -> Deed | None:
        """What it asks; None when it is gone."""
        ask = _receive(self.socket, Ask)
        return None if ask is None else ask.do

    def answer(self) -> None:
        """Say that the request is carried out."""
        _send(self.socket, Told(now_ns=time.monotonic_ns()))

    def hear_questions(self) -> list[bytes]:
        """The generator's questions so far, a line each; none when it is gone.

        Raises:
            OSError: the connection broke.
            ValueError: a line has no end.
        """
        return (_receive_lines(self.socket) or b"").splitlines()


class Remote:
    """The driving agent's end: one for each other host of the trial.

    Raises:
        Failure: ``observer-unreachable``.
    """

    def __init__(self, spec: RemoteSpec) -> None:
        self.role = spec.role  #: app or db
        self._spec = spec
        self._where = f"{spec.host}:{spec.port}"
        #: readable when the other agent is gone
        self.socket = self._connect()
        try:
            compared = [self._compare_clocks() for _ in range(_ROUND_TRIPS)]
        except BaseException:
            self.socket.close()
            raise
        #: how far that host's monotonic clock is ahead, by the shortest of some round trips
        #: (RFC 5905, clock filter)
        self.clock = min(compared, key=lambda clock: clock.round_trip_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, what: Deed) -> Told:
        """Have the other agent do something, and wait until it is done.

        Raises:
            Failure: ``observer-lost``.
        """
        return self._exchange(self.socket, Ask(do=what), Told)

    def reader(self) -> socket.socket:
        """Another connection, on which a generator asks for readings.

        Raises:
            Failure: ``observer-unreachable`` or ``observer-lost``.
        """
        self.ask("reader")
        return self._connect()

    def lost(self) -> Failure:
        """The failure of a trial in which the other agent ended; that agent reports the cause."""
        return Failure(
            "observer-lost",
            f"the agent on the host {self.role} ended in the middle of the trial",
            where=self._where,
            hint="see the failure of that agent; the trial is recorded as failed",
        )

    def _connect(self) -> socket.socket:
        """Connect, and make sure that the other agent listens there."""
        spec = self._spec
        try:
            connection = socket.create_connection((spec.host, spec.port), _TIMEOUT_S)
        except OSError as problem:
            raise Failure(
                "observer-unreachable",
                f"this host cannot reach the agent on the host {self.role}: {problem}",
                where=self._where,
                hint="see what stands between the hosts, and lab_address in the inventory",
            ) from None
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._greet(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _greet(self, connection: socket.socket) -> None:
        word = self._spec.word
        if self._exchange(connection, Hello(word=word), Hello).word != word[::-1]:
            raise self.lost()

    def _compare_clocks(self) -> Clock:
        sent = time.monotonic_ns()
        theirs = self.ask("clock").now_ns
        received = time.monotonic_ns()
        return Clock(offset_ns=theirs - (sent + received) // 2, round_trip_ns=received - sent)

    def _exchange[T: Part](self, over: socket.socket, message: Part, kind: type[T]) -> T:
        try:
            _send(over, message)
            answer = _receive(over, kind)
        except (OSError, ValueError):  # ValueError: another program answers
            answer = None
        if answer is None:
            raise self.lost()
        return answer


def _send(connection: socket.socket, message: Part) -> None:
    connection.sendall(msgspec.json.encode(message) + b"\n")


def _receive[T: Part](connection: socket.socket, kind: type[T]) -> T | None:
    """The next message; None at the end of the connection.

    Raises:
        ValueError: the message is of another kind.
    """
    line = _receive_lines(connection)
    return None if line is None else msgspec.json.decode(line, type=kind)


def _receive_lines(connection: socket.socket) -> bytes | None:
    """Whole lines, those that have come; a message is one, if the next waits for its answer."""
    lines = b""
    while not lines.endswith(b"\n"):
        piece = connection.recv(4096)
        if not piece:
            return None
        lines += piece
        if len(lines) > _LONGEST:
            raise ValueError("a message without an end")
    return lines
