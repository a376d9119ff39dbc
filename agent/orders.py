"""Orders: what the orchestrator asks of a host, and how the answer is left there.

An order is a JSON file. The agent that carries it out detaches, holds a lock on ``lock`` in the
order's folder as long as it lives, and leaves ``done.json``, renamed into place as its last act.
Whoever waits takes the lock: it is granted at once when the agent ends, however it ends.

History of the schema: order/1 (first).
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.failure import Failure

ORDER_SCHEMA = "order/1"
DONE_SCHEMA = "done/1"


@dataclass(frozen=True)
class Order:
    """What every order has; ``body`` holds what its kind needs.

    Attributes:
        kind: database, command, check, diagnose, floor, trial, observe or serve.
        folder: absolute; takes every file the order produces.
        heartbeat: a file whose modification time the orchestrator keeps moving.
        heartbeat_timeout_s: the agent stops everything when it has not moved for so long.
        deadline_s: the agent stops everything after so long, whatever happens.
        cpus: where the agent itself runs; None leaves it alone.
        body: the rest, by kind.
    """

    kind: str
    folder: Path
    heartbeat: Path
    heartbeat_timeout_s: float
    deadline_s: float
    cpus: tuple[int, ...] | None
    body: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> Order:
        """Read an order file.

        Raises:
            ValueError: it is not an order of a schema this agent knows.
        """
        raw = json.loads(path.read_bytes())
        schema = raw.pop("schema", None)
        if schema != ORDER_SCHEMA:
            raise ValueError(f"{path}: schema is {schema!r}, this agent knows {ORDER_SCHEMA}")
        try:
            cpus = raw.pop("cpus")
            return cls(
                kind=raw.pop("kind"),
                folder=path.parent,
                heartbeat=Path(raw.pop("heartbeat")),
                heartbeat_timeout_s=float(raw.pop("heartbeat_timeout_s")),
                deadline_s=float(raw.pop("deadline_s")),
                cpus=tuple(cpus) if cpus is not None else None,
                body=raw,
            )
        except KeyError as missing:
            raise ValueError(f"{path}: {missing} is missing") from None


class Heartbeat:
    """Notices that the orchestrator is gone, by this host's own monotonic clock.

    Only movement counts, never the time stamp itself: a stepped wall clock neither kills a trial
    nor keeps a forgotten one alive.

    Attributes:
        told: whether `check` has raised.
    """

    def __init__(self, order: Order) -> None:
        self._path = order.heartbeat
        self._timeout_s = order.heartbeat_timeout_s
        self._deadline = time.monotonic() + order.deadline_s
        self._deadline_s = order.deadline_s
        self._seen = self._stamp()
        self._moved = time.monotonic()
        self.told = False

    def _stamp(self) -> int | None:
        try:
            return self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    @property
    def deadline(self) -> float:
        """The order's last instant, of time.monotonic()."""
        return self._deadline

    def check(self) -> None:
        """Raise when the orchestrator is gone or the order has run out of time.

        Raises:
            Failure: ``abandoned`` or ``deadline``.
        """
        now = time.monotonic()
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen, self._moved = stamp, now
        if now - self._moved > self._timeout_s:
            self.told = True
            raise Failure(
                "abandoned",
                f"the orchestrator gave no sign of life for {self._timeout_s:g} s",
                where=str(self._path),
                hint="start the run again; what was closed is kept",
            )
        if now > self._deadline:
            self.told = True
            raise Failure(
                "deadline",
                f"the order was not finished within {self._deadline_s:g} s",
                hint="a hanging service or generator is the usual cause; see the logs beside it",
            )


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, value: object) -> None:
    """Write a JSON document with `write_file`."""
    write_file(path, json.dumps(value, indent=1).encode() + b"\n")


def utc_now() -> str:
    """The wall clock as ISO 8601 in UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
