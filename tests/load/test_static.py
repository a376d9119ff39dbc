"""The endpoint that does no work, fed byte by byte and all at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from socket import create_connection

import pytest

from tests.conftest import CHECKOUT, free_port
from tests.services.running import until
from workloads.load.static import Static, answer, health


class Written:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data


REQUEST = b"GET /users/1 HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, len(REQUEST), 3 * len(REQUEST)])
def test_every_request_gets_one_answer_however_it_is_cut(size):
    protocol, transport = Static(b"answer;", b"health;"), Written()
    protocol.connection_made(transport)
    stream = 3 * REQUEST
    for first in range(0, len(stream), size):
        protocol.data_received(stream[first : first + size])
    assert transport.data == 3 * b"answer;"


def test_a_body_between_two_requests_belongs_to_the_first():
    protocol, transport = Static(b"answer;", b"health;"), Written()
    protocol.connection_made(transport)
    protocol.data_received(REQUEST + b'{"status":"paid"}')
    protocol.data_received(REQUEST)
    assert transport.data == 2 * b"answer;"


@pytest.mark.parametrize("size", [1, 9, 200])
def test_it_says_who_it_is_to_whoever_asks_first(size):
    protocol, transport = Static(b"answer;", b"health;"), Written()
    protocol.connection_made(transport)
    stream = b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n" + 2 * REQUEST
    for first in range(0, len(stream), size):
        protocol.data_received(stream[first : first + size])
    assert transport.data == b"health;answer;answer;"
    told = json.loads(health("abc").split(b"\r\n\r\n")[1])
    assert told == {"nonce": "abc", "pid": os.getpid()}


@pytest.mark.parametrize("size", [11, 1024])
def test_the_answer_is_json_of_the_size_that_was_asked_for(size):
    head, body = answer(size).split(b"\r\n\r\n")
    assert len(body) == size
    assert f"Content-Length: {size}".encode() in head
    assert set(json.loads(body)) == {"body"}


def test_it_ends_cleanly_while_connections_are_open(tmp_path):
    port = free_port()
    (tmp_path / "settings.json").write_text(
        json.dumps({"host": "127.0.0.1", "port": port, "payload_bytes": 64})
    )
    argv = [sys.executable, "-m", "workloads.load.static", tmp_path / "settings.json"]
    with subprocess.Popen(argv, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as server:
        connection = None

        def connected():
            nonlocal connection
            try:
                connection = create_connection(("127.0.0.1", port))
            except ConnectionRefusedError:
                return False
            return True

        until(connected)
        with connection:
            connection.sendall(REQUEST)
            assert connection.recv(4096)
            server.terminate()
            _, stderr = server.communicate(timeout=30)
    assert (server.returncode, stderr) == (0, "")
