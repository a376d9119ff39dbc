"""One keep-alive connection: sends a prebuilt request, notes when its answer is complete.

This is the hot path: at most a few Python calls for each request.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING, cast

import httptools

from workloads.load.client.samples import pack_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from workloads.load.client.connections import ConnectionSet
    from workloads.load.client.rows import Row


class Connection(asyncio.BaseProtocol):
    """An asyncio protocol with at most one request under way.

    Attributes:
        sent: when the request under way was written, in monotonic nanoseconds; 0 when idle.
        intended: when it was due.
        operation: index of its operation.
    """

    __slots__ = (
        "_append",
        "_chunks",
        "_driver",
        "_feed",
        "_free",
        "_hashed",
        "_parser",
        "_transport",
        "_write",
        "intended",
        "operation",
        "sent",
    )

    def __init__(self, driver: ConnectionSet) -> None:
        self.intended = self.sent = self.operation = 0
        self._driver = driver
        self._free = driver.free
        self._parser = httptools.HttpResponseParser(self)
        self._feed: Callable[[bytes], None] = self._parser.feed_data
        self._hashed: str | None = None
        self._chunks: list[bytes] = []
        self._append = driver.samples.append

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what writes."""
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write

    def send(self, row: Row, intended: int, sent: int) -> None:
        """Write a request; the connection must be idle."""
        data, self.operation, self._hashed = row
        self.intended = intended
        self.sent = sent
        self._write(data)

    def data_received(self, data: bytes) -> None:
        """Parse; completes a request through ``on_message_complete``."""
        if self._hashed is not None:
            self._chunks.append(data)
        try:
            self._feed(data)
        except httptools.HttpParserCallbackError as ours:
            self._driver.fault(ours.__context__ or ours)
            self.sent = 0
            self.close()
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail("parse")

    def on_message_complete(self) -> None:
        """Record the request under way and hand the connection on."""
        now = monotonic_ns()
        if not self.sent:
            self.fail("parse")  # an answer that nobody asked for
            return
        parser = self._parser
        status = parser.get_status_code()
        self._append(pack_record(self.intended, self.sent, now, self.operation, status))
        if self._hashed is not None:
            self._driver.bodies.add(self._hashed, self._chunks)
            self._chunks.clear()
        if parser.should_keep_alive():
            self._free(self, now)
        else:
            self.sent = 0
            self._transport.abort()

    def fail(self, kind: str) -> None:
        """Count an error, forget the request under way and drop the connection."""
        self._driver.count(kind, self)
        self.sent = 0
        self._transport.abort()

    def close(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def eof_received(self) -> None:
        """The service closed its side: let the transport close ours."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """The request under way, if any, will have no answer."""
        if self.sent:
            self._driver.count("read", self)
            self.sent = 0
        self._driver.lost(self)
