"""Hosts through pyinfra: ``@local`` for this machine, ssh with strict host keys for others.

The way to a host, jump hosts included, is what `HostSpec` has read from the inventory; a play goes
the same way.

pyinfra's local connector fails off the main thread and blocks an event loop, so the orchestrator
calls it from the main thread of a process that runs no asyncio.
"""

from __future__ import annotations

import io
import shlex
import socket
import subprocess
import tarfile
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from msgspec import structs
from paramiko import SSHException
from pyinfra.api.command import StringCommand
from pyinfra.api.config import Config
from pyinfra.api.connect import disconnect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.inventory import Inventory
from pyinfra.api.state import State

from host import environment
from ormlab.base.errors import ProvisioningError
from ormlab.hosts import trouble
from ormlab.hosts.tunnel import close_when_silent, tunnel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from paramiko import SSHClient

    from host.environment import Program
    from ormlab.hosts.inventory import HostSpec
    from ormlab.hosts.tunnel import Tunnel

_SILENCE_S = 30  # a connection that is silent for longer counts as lost
_READY = "ormlab: the password is above"
# Drops what sudo left of its password: a rule NOPASSWD for this program leaves all of it.
_DROP = f"while IFS= read -r line && [ \"$line\" != '{_READY}' ]; do :; done; "


class CommandFailed(ProvisioningError):  # noqa: N818 - an outcome callers expect, with its output
    """A command on a host ended with a status that was not expected."""

    def __init__(self, host: str, command: str, output: str) -> None:
        last = output.strip().splitlines()[-1] if output.strip() else "it wrote nothing"
        super().__init__(
            "host-command",
            f"a command failed on {host}: {last}",
            where=f"{host}: {command}",
            hint="run it there by hand; `ormlab doctor` checks the usual causes",
        )
        self.output = output  #: what it wrote to standard output and standard error


@dataclass(frozen=True)
class Ended:
    """How a program on a host ended."""

    status: int  #: of its exit; negative for a signal, or where the host did not say
    errors: str  #: what it wrote to standard error


class _BegunHere:
    """A program of this machine that lives until it is ended, or until this process is gone."""

    def __init__(self, command: Sequence[str], preface: bytes = b"") -> None:
        # In a session of its own: a terminal's Ctrl-C is not meant for it.
        self._process = subprocess.Popen(
            command,
            env=environment.environment("tool"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        with suppress(OSError):  # then it has ended, and says why
            self.send(preface)
        out = self._process.stdout
        #: the first line that it wrote; empty if it ended instead
        self.line = out.readline().decode(errors="replace").strip() if out else ""

    def send(self, data: bytes) -> None:
        """Write to its standard input; may be called by another thread.

        Raises:
            OSError: it has ended, or the connection is gone.
        """
        if self._process.stdin:
            self._process.stdin.write(data)

    def end(self) -> Ended:
        """Close its standard input, and wait until it has ended."""
        _, errors = self._process.communicate()
        return Ended(self._process.returncode, errors.decode(errors="replace"))


class _BegunThere:
    """The same on another host, behind a channel of its connection."""

    def __init__(self, client: SSHClient, command: str, preface: bytes = b"") -> None:
        # Kept as long as the program lives: paramiko ends its input with this object.
        self._input, told, self._errors = client.exec_command(command)
        self._channel = self._input.channel
        with suppress(OSError):  # then it has ended, and says why
            self.send(preface)
        self.line = str(told.readline()).strip()

    def send(self, data: bytes) -> None:
        """As `_BegunHere.send`."""
        self._channel.sendall(data)

    def end(self) -> Ended:
        """As `_BegunHere.end`."""
        try:
            self._channel.shutdown_write()
            errors = self._errors.read().decode(errors="replace")
            return Ended(self._channel.recv_exit_status(), errors)
        except (SSHException, OSError, EOFError) as lost:  # it ends by itself, when it can
            return Ended(-1, str(lost))


type Begun = _BegunHere | _BegunThere


class Host:
    """One connected host."""

    def __init__(self, spec: HostSpec, connection: Any) -> None:  # noqa: ANN401 - pyinfra has no types
        self.spec = spec  #: how the inventory describes it
        self._connection = connection
        self._may_become = False  # whether sudo has let the login user become the other account

    def of(self, user: str | None) -> Host:
        """The same host over the same connection, at work as another account."""
        variables = structs.replace(self.spec.variables, lab_user=user)
        return Host(replace(self.spec, variables=variables), self._connection)

    def run(self, *argv: str, accept: Sequence[int] = (0,), program: Program = "tool") -> str:
        """Run a program to its end and return its standard output.

        The program gets only those variables of the login that its kind may have.

        Raises:
            CommandFailed: it ended with a status that is not in ``accept``.
        """
        return self._require(argv, self._as_user(argv, program), accept, self._preface)

    def try_run(self, *argv: str) -> bool:
        """Run a program to its end and return whether it ended with 0."""
        return bool(self._shell(self._as_user(argv), (0,), self._preface)[0])

    def has(self, path: str) -> bool:
        """Whether there is such a file, as far as the login user can see."""
        return bool(self._shell(_command(["test", "-e", path], "tool"), (0,))[0])

    def begin(self, *argv: str) -> Begun:
        """Start a program that ends with its standard input, and wait for its first line."""
        command = ["sh", "-c", self._as_user(argv)]
        preface = self._preface.encode()
        if self.spec.local:
            return _BegunHere(command, preface)
        with self._reached():
            return _BegunThere(self._connection.connector.client, shlex.join(command), preface)

    def put(self, data: bytes, path: str) -> None:
        """Write a file on the host."""
        if self.spec.user is None:
            self._upload(data, path)
            return
        # sftp writes as the login user; pyinfra's own solution needs setfacl on the host.
        passed = self._run(["mktemp"]).strip()
        try:
            self._upload(data, passed)
            self._run(["chmod", "644", passed])
            self.run("cp", "--no-preserve=all", passed, path)
        finally:
            self._run(["rm", passed])

    def put_secret(self, text: str, path: str) -> None:
        """Write a file that only its owner may read; the text never appears on a command line."""
        write = 'umask 077 && rm -f "$1" && cat > "$1"'
        argv = ["sh", "-c", write, "write", path]
        self._require(argv, self._as_user(argv), stdin=f"{self._preface}{text}")

    def fetch(self, folder: str, into: Path) -> None:
        """Copy the content of a folder of the host into a local folder."""
        into.mkdir(parents=True, exist_ok=True)
        if self.spec.local:
            # The connector would read every file into memory; the samples of a trial are large.
            self.run("cp", "-r", f"{folder}/.", str(into))
            return
        archive = f"{folder}.fetch.tar"
        self.run("tar", "-C", folder, "-cf", archive, ".")
        with tempfile.NamedTemporaryFile(dir=into.parent, suffix=".tar") as packed:
            with self._reached():
                self._connection.get_file(archive, packed.name)
            self.run("rm", "-f", archive)
            with tarfile.open(packed.name) as tar:
                tar.extractall(into, filter="data")

    def _as_user(self, argv: Sequence[str], program: Program = "tool") -> str:
        """A shell command that runs a program as the account that does the lab's work.

        Its standard input begins with `_preface`.
        """
        if self.spec.user is None:
            return _command(argv, program)
        if not self._may_become:
            self._require_sudo()
        # Not in the login user's home, which the other account may not enter. The variables are
        # filtered after sudo, because sudo sets some itself.
        drop = _DROP if self._preface else ""
        cut = ["env", "--chdir=/", "sh", "-c", f'{drop}exec {environment.shell(program)} "$@"']
        return f"exec {shlex.join([*self._sudo, *cut, 'sh', *argv])}"

    @property
    def _sudo(self) -> list[str]:
        # With a password sudo always asks: without --reset-timestamp it would only sometimes.
        asks = ["--reset-timestamp", "--stdin", "--prompt="]
        asked = asks if self._preface else ["--non-interactive"]
        return ["sudo", *asked, f"--user={self.spec.user}", "--"]

    @property
    def _preface(self) -> str:
        """What sudo and the shell behind it read before the program's own standard input."""
        password = self.spec.variables.sudo_password
        return f"{password.reveal()}\n{_READY}\n" if self.spec.user and password else ""

    def _require_sudo(self) -> None:
        """Refuse a login user who cannot become the other account.

        Raises:
            ProvisioningError: sudo refuses. Without this look, pyinfra would ask for a password on
                the terminal.
        """
        asked = f"said=$({shlex.join([*self._sudo, 'true'])} 2>&1)"
        # In one line, which pyinfra does not take for sudo's own.
        look = f"{asked} || {{ printf 'refused: %s' \"$said\" | tr '\\n' ' '; exit 1; }}"
        ok, output = self._shell(look, (0,), self._preface)
        if not ok:
            said = output.stdout.strip().removeprefix("refused: ") or "sudo gives no reason"
            login = self.spec.variables.ansible_user or "the login user"
            raise ProvisioningError(
                "sudo-refused",
                f"{login} cannot become {self.spec.user} on {self.spec.name}: {said}",
                where=f"{self.spec.name} ({self.spec.address})",
                hint=trouble.hint(said, self.spec.known_hosts),
            )
        self._may_become = True

    def _run(self, argv: Sequence[str]) -> str:
        """Run a program as the login user."""
        return self._require(argv, _command(argv, "tool"))

    def _require(
        self,
        argv: Sequence[str],
        command: str,
        accept: Sequence[int] = (0,),
        stdin: str | None = None,
    ) -> str:
        ok, output = self._shell(command, accept, stdin)
        if not ok:
            raise CommandFailed(self.spec.name, shlex.join(argv), output.output)
        return str(output.stdout)

    def _upload(self, data: bytes, path: str) -> None:
        with self._reached():
            self._connection.put_file(io.BytesIO(data), path)

    def _shell(
        self, command: str, accept: Sequence[int], stdin: str | None = None
    ) -> tuple[bool, Any]:
        with self._reached():
            ok, output = self._connection.run_shell_command(
                StringCommand(command), _success_exit_codes=list(accept), _stdin=stdin
            )
        return ok, output

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (SSHException, OSError, EOFError) as lost:
            raise ProvisioningError(
                "host-lost",
                f"the connection to {self.spec.name} is lost: {lost}",
                where=f"{self.spec.name} ({self.spec.address})",
                hint="the agent there ends its work by itself; check that the host is up and that "
                "its disk is not full",
            ) from None


def _command(argv: Sequence[str], program: Program) -> str:
    """A shell command that runs a program in the environment of its kind."""
    return f"exec {environment.shell(program)} {shlex.join(argv)}"


@contextmanager
def connected(specs: Sequence[HostSpec]) -> Iterator[dict[str, Host]]:
    """Connect to hosts; yields them by name and disconnects at the end.

    Raises:
        ProvisioningError: a host cannot be reached.
    """
    names = {"@local" if spec.local else spec.name: spec for spec in specs}
    with ExitStack() as held:
        tunnels = {
            name: held.enter_context(tunnel(None if spec.local else spec.proxy))
            for name, spec in names.items()
        }
        data = [(name, _connector_data(spec, tunnels[name])) for name, spec in names.items()]
        inventory = Inventory((data, {}))
        state = State(inventory, Config())
        held.callback(disconnect_all, state)
        for host in inventory:
            _connect(host, names[host.name], tunnels[host.name])
            state.activate_host(host)
        yield {names[host.name].name: Host(names[host.name], host) for host in inventory}


def _connect(host: Any, spec: HostSpec, through: Tunnel | None) -> None:  # noqa: ANN401 - pyinfra has no types
    """Connect one host; pyinfra's `connect_all` does not report why a connection failed."""
    try:
        host.connect(show_errors=False, raise_exceptions=True)
    except PyinfraError as refused:
        # What the way there complained of is the cause of what paramiko met at its end.
        reason = (through.complaint if through else "") or str(refused)
        raise ProvisioningError(
            "host-unreachable",
            f"cannot connect to {spec.name}: {reason}",
            where=f"{spec.name} ({spec.address})",
            hint=trouble.hint(reason, spec.known_hosts),
        ) from None
    if spec.local:
        return
    transport = host.connector.client.get_transport()
    if through:
        close_when_silent(transport, _SILENCE_S)
        return
    # A host without power sends nothing: let the kernel close the connection after this time.
    transport.set_keepalive(_SILENCE_S // 2)
    patience_ms = 1000 * _SILENCE_S
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience_ms)


def _connector_data(spec: HostSpec, through: Tunnel | None = None) -> dict[str, Any]:
    if spec.local:
        return {}
    given = spec.variables
    data = {
        "ssh_hostname": spec.address,
        "ssh_port": given.ansible_port,
        "ssh_user": given.ansible_user,
        "ssh_key": given.ansible_ssh_private_key_file,
        "ssh_strict_host_key_checking": "yes",
        "ssh_known_hosts_file": spec.known_hosts,
        "ssh_paramiko_connect_kwargs": {"sock": through.socket} if through else None,
    }
    return {key: value for key, value in data.items() if value is not None}
