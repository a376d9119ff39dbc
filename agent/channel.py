"""One connection between two agents of a trial whose hosts are apart.

The agent that drives the load says when the window begins and when it has ended; the one that
watches processes on another host answers when it has done its part. Each message is a line of JSON
and is answered by one before the next is sent. The first one is a word that only the two know.
"""

from __future__ import annotations

import hmac
import json
import socket
import time
from typing import Any, Self

from agent.failure import Failure

_TIMEOUT_S = 10.0  # of one answer; the slowest reads page tables
_ROUND_TRIPS = 16
_LONGEST = 1 << 16  # bytes of a message


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
            said = _receive(caller)
        except (OSError, ValueError):
            said = None
        if said is None or not hmac.compare_digest(str(said.get("word")), self._word):
            caller.close()
            return None
        driver = Driver(caller)
        driver.answer({"word": self._word[::-1]})
        return driver


class Driver:
    """The agent that drives the load, as the one that watches knows it.

    Attributes:
        socket: readable when it asks for something, or is gone.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    def hear(self) -> str | None:
        """What it asks for; None when it is gone."""
        said = _receive(self.socket)
        return None if said is None else str(said["do"])

    def answer(self, answer: dict[str, Any]) -> None:
        """Say that it is done."""
        _send(self.socket, answer)


class Remote:
    """The end of the agent that drives: one for each other host of the trial.

    Args:
        spec: ``role`` of that host, ``host`` and ``port`` of its agent, and the ``word``.

    Attributes:
        role: app or db.
        socket: readable when the other agent is gone.
        clock: how far its monotonic clock is ahead of the one here, ``offset_ns``, known to half
            of ``round_trip_ns``: the best of some round trips (RFC 5905, clock filter).

    Raises:
        Failure: ``observer-unreachable``.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.role = str(spec["role"])
        self._where = f"{spec['host']}:{spec['port']}"
        try:
            self.socket = socket.create_connection((spec["host"], spec["port"]), _TIMEOUT_S)
        except OSError as problem:
            raise Failure(
                "observer-unreachable",
                f"the agent on the host {self.role} is not reached from here: {problem}",
                where=self._where,
                hint="see what stands between the hosts, and lab_address in the inventory",
            ) from None
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._greet(str(spec["word"]))
            compared = [self._compare_clocks() for _ in range(_ROUND_TRIPS)]
        except BaseException:
            self.socket.close()
            raise
        self.clock = min(compared, key=lambda each: each["round_trip_ns"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, what: str) -> dict[str, Any]:
        """Have the other agent do something, and wait until it has.

        Raises:
            Failure: it is gone.
        """
        return self._exchange({"do": what})

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
        if self._exchange({"word": word}).get("word") != word[::-1]:
            raise self.lost()

    def _compare_clocks(self) -> dict[str, int]:
        sent = time.monotonic_ns()
        told = self.ask("clock")["now_ns"]
        received = time.monotonic_ns()
        return {"offset_ns": told - (sent + received) // 2, "round_trip_ns": received - sent}

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            _send(self.socket, message)
            answer = _receive(self.socket)
        except (OSError, ValueError):  # the latter: whoever is there is no agent
            answer = None
        if answer is None:
            raise self.lost()
        return answer


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _receive(connection: socket.socket) -> dict[str, Any] | None:
    """The next message; None at the end of the connection.

    Raises:
        ValueError: it is none.
    """
    line = b""
    while not line.endswith(b"\n"):  # nothing is sent before this is answered: no byte is after it
        piece = connection.recv(4096)
        if not piece:
            return None
        line += piece
        if len(line) > _LONGEST:
            raise ValueError("a message without an end")
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("no object")  # noqa: TRY004 - as of any other text that is no message
    return message
