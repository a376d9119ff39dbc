"""A program that lives with its input, over ssh: played by paramiko's own server."""

from __future__ import annotations

import contextlib
import gc
import socket
import subprocess
import threading

import paramiko
import pytest

from ormlab.hosts.connection import _BegunThere

# Says that it lives, echoes what it hears, and says farewell.
PROGRAM = """
echo held
while [ -n "$(head -c 1)" ]; do echo heard >&2; done
exit 7
"""


class Shell(paramiko.ServerInterface):
    """Runs what a client asks for in a shell of this machine."""

    def check_auth_none(self, _username):
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, _kind, _number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=serve, args=(channel, command), daemon=True).start()
        return True


def serve(channel, command):
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(["sh", "-c", command], bufsize=0, **pipes) as process:
        ways = (
            (process.stdout.read, channel.sendall),
            (process.stderr.read, channel.sendall_stderr),
        )
        pumps = [threading.Thread(target=pump, args=way) for way in ways]
        pumps.append(threading.Thread(target=feed, args=(channel, process), daemon=True))
        for each in pumps:
            each.start()
        for each in pumps[:2]:
            each.join()
        status = process.wait()
    # A client that has what it wants, or is lost, hangs up first: sshd makes nothing of it either.
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        channel.send_exit_status(status)
        channel.close()


def pump(read, write):
    while data := read(1):
        write(data)


def feed(channel, process):
    while data := channel.recv(1):
        process.stdin.write(data)
    process.stdin.close()


@pytest.fixture
def client():
    here, there = socket.socketpair()
    server = paramiko.Transport(there)
    server.add_server_key(paramiko.ECDSAKey.generate())
    server.start_server(threading.Event(), Shell())
    transport = paramiko.Transport(here)
    transport.connect()
    transport.auth_none("anybody")
    with paramiko.SSHClient() as client:
        client._transport = transport
        yield client
    for each in (transport, server):
        each.close()
        each.join(5)
    here.close()
    there.close()


def test_it_hears_what_is_sent_and_ends_when_it_is_told_to(client):
    begun = _BegunThere(client, PROGRAM)
    assert begun.line == "held"
    gc.collect()  # nothing that is dropped may end its input
    for _ in range(3):
        begun.send(b".")
    ended = begun.end()
    assert (ended.status, ended.errors) == (7, "heard\n" * 3)


def test_one_that_ends_by_itself_says_nothing_and_why(client):
    begun = _BegunThere(client, "echo no such luck >&2; exit 75")
    assert begun.line == ""
    ended = begun.end()
    assert (ended.status, ended.errors) == (75, "no such luck\n")


def test_one_behind_a_lost_connection_is_not_waited_for(client):
    begun = _BegunThere(client, PROGRAM)
    client.get_transport().close()
    with pytest.raises(OSError, match="closed"):
        begun.send(b".")
    assert begun.end().status == -1
