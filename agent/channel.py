"""One connection between two agents of a trial whose hosts are apart.

The agent that drives the load says when the window begins and when it has ended; the one that
watches processes on another host answers when it has done its part. Each message is a line of JSON
and is answered by one before the next is sent. The first one is a word that only the two know.
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

type Deed = Literal["begin", "clock", "end", "stop"]
"""What the driver asks for: the window begins; what time is it; it ends; stop the service."""

_TIMEOUT_S = 10.0  # of one answer; the slowest reads page tables
_ROUND_TRIPS = 16
_LONGEST = 1 << 16  # bytes of a message


class Hello(Part, frozen=True, kw_only=True):
    """The first message, with the word, and the answer to it, with the word reversed."""

    word: str


class Ask(Part, frozen=True, kw_only=True):
    """The driver wants something done."""

    do: Deed


class Told(Part, frozen=True, kw_only=True):
    """It is done; the monotonic clock of this host, nanoseconds."""

    now_ns: int


class Listener:
    """The end of the agent that watches. One driver is let in; nobody else is answered.

    Attributes:
        socket: readable when somebody comes.
        port: where it listens.
    """

    def __init__(self, address: str, word: str) -> None:
        self._word = word
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.create_server((address, 0), family=family, backlog=1)
        self.port = int(self.socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def accept(self) -> Driver | None:
        """Let a driver in; None if whoever came is none."""
        caller, _ = self.socket.accept()
        caller.settimeout(_TIMEOUT_S)
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            said = _receive(caller, Hello)
        except (OSError, ValueError):
            said = None
        if said is None or not self._is_known(said.word):
            caller.close()
            return None
        _send(caller, Hello(word=self._word[::-1]))
        return Driver(caller)

    def _is_known(self, word: str) -> bool:
        return hmac.compare_digest(word.encode(errors="replace"), self._word.encode())


class Driver:
    """The agent that drives the load, as the one that watches knows it.

    Attributes:
        socket: readable when it asks for something, or is gone.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    def hear(self) -> Deed | None:
        """What it asks for; None when it is gone."""
        said = _receive(self.socket, Ask)
        return None if said is None else said.do

    def answer(self) -> None:
        """Say that it is done."""
        _send(self.socket, Told(now_ns=time.monotonic_ns()))


class Remote:
    """The end of the agent that drives: one for each other host of the trial.

    Args:
        spec: that host, its agent, and the word.

    Attributes:
        role: app or db.
        socket: readable when the other agent is gone.
        clock: how far its monotonic clock is ahead of the one here: the best of some round trips
            (RFC 5905, clock filter).

    Raises:
        Failure: ``observer-unreachable``.
    """

    def __init__(self, spec: RemoteSpec) -> None:
        self.role = spec.role
        self._where = f"{spec.host}:{spec.port}"
        try:
            self.socket = socket.create_connection((spec.host, spec.port), _TIMEOUT_S)
        except OSError as problem:
            raise Failure(
                "observer-unreachable",
                f"the agent on the host {self.role} is not reached from here: {problem}",
                where=self._where,
                hint="see what stands between the hosts, and lab_address in the inventory",
            ) from None
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._greet(spec.word)
            compared = [self._compare_clocks() for _ in range(_ROUND_TRIPS)]
        except BaseException:
            self.socket.close()
            raise
        self.clock = min(compared, key=lambda clock: clock.round_trip_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, what: Deed) -> Told:
        """Have the other agent do something, and wait until it has.

        Raises:
            Failure: it is gone.
        """
        return self._exchange(Ask(do=what), Told)

    def lost(self) -> Failure:
        """The failure of a trial one of whose agents is gone; that one knows why."""
        return Failure(
            "observer-lost",
            f"the agent on the host {self.role} ended in the middle of the trial",
            where=self._where,
            hint="what it says itself stands first; the trial is recorded as failed",
        )

    def _greet(self, word: str) -> None:
        """Make sure that it is the other agent that listens there."""
        if self._exchange(Hello(word=word), Hello).word != word[::-1]:
            raise self.lost()

    def _compare_clocks(self) -> Clock:
        sent = time.monotonic_ns()
        theirs = self.ask("clock").now_ns
        received = time.monotonic_ns()
        return Clock(offset_ns=theirs - (sent + received) // 2, round_trip_ns=received - sent)

    def _exchange[T: Part](self, message: Part, kind: type[T]) -> T:
        try:
            _send(self.socket, message)
            answer = _receive(self.socket, kind)
        except (OSError, ValueError):  # the latter: whoever is there is no agent
            answer = None
        if answer is None:
            raise self.lost()
        return answer


def _send(connection: socket.socket, message: Part) -> None:
    connection.sendall(msgspec.json.encode(message) + b"\n")


def _receive[T: Part](connection: socket.socket, kind: type[T]) -> T | None:
    """The next message; None at the end of the connection.

    Raises:
        ValueError: it is none of this kind.
    """
    line = b""
    while not line.endswith(b"\n"):  # nothing is sent before this is answered: no byte is after it
        piece = connection.recv(4096)
        if not piece:
            return None
        line += piece
        if len(line) > _LONGEST:
            raise ValueError("a message without an end")
    return msgspec.json.decode(line, type=kind)
