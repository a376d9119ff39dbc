"""A stream of bytes, cut into PostgreSQL's messages, in whatever pieces the bytes come.

Every message after a connection's first one is a type of one byte, a length that counts itself, and
a body.

Source: PostgreSQL 16, "Frontend/Backend Protocol", message formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

_LENGTH = 4  # bytes
_HEAD = 1 + _LENGTH


class Frame(NamedTuple):
    """One message."""

    kind: bytes  #: its type
    body: bytes  #: empty unless bodies of this type were asked for


class Frames:
    """The messages that one end of a connection sends.

    Only bodies that were asked for are held in memory: rows and copied data may be large.
    """

    def __init__(self, bodies: Container[bytes] = ()) -> None:
        self._bodies = bodies
        self._waiting = bytearray()
        self._kind = b""  # of the message whose body is not all there
        self._left = 0  # bytes of that body which are still to be taken

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield each message that these bytes complete.

        Raises:
            ValueError: a length is impossible, so this is not PostgreSQL's protocol.
        """
        self._waiting += data
        while self._kind or self._begin():
            wanted = self._kind in self._bodies
            if wanted and len(self._waiting) < self._left:
                return
            taken = bytes(self._waiting[: self._left]) if wanted else b""
            gone = min(self._left, len(self._waiting))
            del self._waiting[:gone]
            self._left -= gone
            if self._left:
                return
            kind, self._kind = self._kind, b""
            yield Frame(kind, taken)

    def _begin(self) -> bool:
        """Take the head of the next message; false if it is not all there."""
        if len(self._waiting) < _HEAD:
            return False
        self._kind = bytes(self._waiting[:1])
        self._left = int.from_bytes(self._waiting[1:_HEAD], signed=True) - _LENGTH
        if self._left < 0:
            raise ValueError(f"a message of type {self._kind!r} has a negative length")
        del self._waiting[:_HEAD]
        return True
