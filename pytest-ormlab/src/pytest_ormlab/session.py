"""What one client executes, from its messages: the texts behind prepared statements and portals.

A query is one message that makes the server execute something: Query of the simple protocol,
whatever number of statements its text has, or the first Execute of a portal in the extended one.
A later Execute of the same portal only fetches more rows. Where a statement of a pipeline fails,
the server skips those behind it up to the next Sync; they were sent, and count.

Source: PostgreSQL 16, "Frontend/Backend Protocol", extended query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_ormlab.wire.relay import Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_ormlab.wire.frames import Frame

#: Types of the messages whose bodies are read.
BODIES = frozenset({b"Q", b"P", b"B", b"E", b"C", b"F"})


class Session:
    """Watches one connection and reports each query's text."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}  # until they are first executed

    def __call__(self, sender: Sender, frame: Frame) -> None:
        """See one message."""
        if sender is Sender.SERVER:
            return
        match frame.kind:
            case b"Q":
                self._report(_text(frame.body.removesuffix(b"\0")))
            case b"P":  # Parse
                name, text = _strings(frame.body)
                self._statements[name] = _text(text)
            case b"B":  # Bind
                portal, name = _strings(frame.body)
                unknown = f"(prepared statement {_text(name)})"  # PREPARE in SQL may have made it
                self._portals[portal] = self._statements.get(name, unknown)
            case b"E":  # Execute
                portal = frame.body.partition(b"\0")[0]
                if (text_ := self._portals.pop(portal, None)) is not None:
                    self._report(text_)
            case b"C" if frame.body[:1] == b"S":  # Close of a statement
                self._statements.pop(frame.body[1:-1], None)
            case b"F":
                self._report(f"(call of the function {int.from_bytes(frame.body[:4])})")


def _strings(body: bytes) -> tuple[bytes, bytes]:
    """The two strings that a body begins with."""
    first, second, _ = body.split(b"\0", 2)
    return first, second


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
