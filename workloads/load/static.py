"""``python -m workloads.load.static SETTINGS``: an endpoint that does no work.

What a load generator reaches against it is the generator's own floor: no service that is measured
with it can be faster. It answers every request with the same bytes, whatever was asked.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import cast

import uvloop

_END = b"\r\n\r\n"
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"


class Static(asyncio.Protocol):
    """Counts the ends of requests and sends so many answers.

    The bodies of requests are JSON on one line, so the blank line that ends a head never stands
    in one.
    """

    __slots__ = ("_answer", "_pending", "_transport")

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what writes."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        received = self._pending + data
        complete = received.count(_END)
        if complete:
            self._transport.write(self._answer * complete)
        self._pending = received.rpartition(_END)[2]


def answer(payload_bytes: int) -> bytes:
    """The one answer: a JSON object whose encoding has ``payload_bytes`` bytes, 11 at the least."""
    empty = b'{"body":""}'
    body = empty[:-2] + b"x" * (payload_bytes - len(empty)) + empty[-2:]
    return _HEAD.format(length=len(body)).encode() + body


async def _serve(host: str, port: int, payload_bytes: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    whole = answer(payload_bytes)
    server = await loop.create_server(lambda: Static(whole), host, port, backlog=1024)
    async with server:
        await ended.wait()
        server.close_clients()


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM; the settings are ``host``, ``port`` and ``payload_bytes`` as JSON."""
    (path,) = arguments
    settings = json.loads(Path(path).read_bytes())
    uvloop.run(_serve(**settings))


if __name__ == "__main__":
    main(sys.argv[1:])
