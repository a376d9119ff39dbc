"""``python -m workloads.load.static SETTINGS``: an endpoint that does no work.

What a load generator reaches against it is the generator's own floor: no service that is measured
with it can be faster. It answers every request with the same bytes, whatever was asked; only to the
first one of a connection, if that is for /health, it says who it is.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import cast

import uvloop

_END = b"\r\n\r\n"
_HEALTH = b"GET /health "
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"


class Static(asyncio.Protocol):
    """Counts the ends of requests and sends so many answers.

    The bodies of requests are JSON on one line, so the blank line that ends a head never stands
    in one.
    """

    __slots__ = ("_answer", "_health", "_pending", "_transport")

    def __init__(self, answer: bytes, health: bytes) -> None:
        self._answer = answer
        self._health = health
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what writes."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        received = self._pending + data
        complete = received.count(_END)
        if complete:
            if self._health and received.startswith(_HEALTH):
                self._transport.write(self._health)
                complete -= 1
            self._health = b""
            self._transport.write(self._answer * complete)
        self._pending = received.rpartition(_END)[2]


def answer(payload_bytes: int) -> bytes:
    """The one answer: a JSON object whose encoding has ``payload_bytes`` bytes, 11 at the least."""
    empty = b'{"body":""}'
    body = empty[:-2] + b"x" * (payload_bytes - len(empty)) + empty[-2:]
    return _HEAD.format(length=len(body)).encode() + body


def health(nonce: str) -> bytes:
    """The answer by which whoever started this process knows it."""
    body = json.dumps({"nonce": nonce, "pid": os.getpid()}).encode()
    return _HEAD.format(length=len(body)).encode() + body


async def _serve(host: str, port: int, payload_bytes: int, nonce: str = "") -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    whole, who = answer(payload_bytes), health(nonce)
    server = await loop.create_server(lambda: Static(whole, who), host, port, backlog=1024)
    await ended.wait()
    server.close()  # connections end with the process; uvloop's server cannot close them


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM; the settings are a JSON object.

    Its keys are ``host``, ``port``, ``payload_bytes`` and ``nonce``, which may be left out.
    """
    (path,) = arguments
    settings = json.loads(Path(path).read_bytes())
    uvloop.run(_serve(**settings))


if __name__ == "__main__":
    main(sys.argv[1:])
