"""Real sshds on loopback: hosts and jump hosts whose login user is the one of the tests.

if reason := sshd.why_not():
    pytest.skip(reason)
with sshd.serving(tmp_path / "gate", authorized=key.public) as gate: ...
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ADDRESS = "127.0.0.1"
_PATIENCE_S = 60.0
_POLL_S = 0.02
# The privilege separation of an sshd of root needs this folder, which Debian's unit makes.
_SEPARATION = Path("/run/sshd")


@dataclass(frozen=True)
class Sshd:
    """A running sshd."""

    port: int
    public: str  #: its host key: kind and base64
    log: Path
    pid: int

    @property
    def known(self) -> str:
        """Its line of known_hosts."""
        return f"[{ADDRESS}]:{self.port} {self.public}\n"

    @property
    def logins(self) -> int:
        """How many logins it has accepted."""
        return self.log.read_text().count("Accepted publickey")


def why_not() -> str | None:
    """The reason why there can be no sshd here, as a test's reason to skip."""
    if _program() is None:
        return "needs sshd (apt-get install openssh-server)"
    return None


def make_key(path: Path) -> str:
    """Make a key of ssh; returns its public half: kind and base64."""
    asked = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(asked, check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


@contextlib.contextmanager
def serving(
    folder: Path,
    authorized: str,
    *options: str,
    instead: Mapping[str, str] | None = None,
    hidden: Sequence[str] = (),
) -> Iterator[Sshd]:
    """Run an sshd until the end of the context.

    Args:
        folder: for its files, which must not exist.
        authorized: the public key that may log in.
        options: further lines of its configuration.
        instead: texts that its sessions find in place of files of this machine, by path.
        hidden: folders of this machine that they find empty. Root alone can do either.
    """
    folder.mkdir()
    public = make_key(folder / "host_key")
    (folder / "authorized_keys").write_text(f"{authorized}\n")
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        port = free.getsockname()[1]
    lines = [
        *(f"Port {port}", f"ListenAddress {ADDRESS}", f"HostKey {folder}/host_key"),
        *(f"AuthorizedKeysFile {folder}/authorized_keys", "StrictModes no", "PidFile none"),
        *("UsePAM no", "PasswordAuthentication no", "PermitRootLogin prohibit-password"),
        *("Subsystem sftp internal-sftp", "LogLevel VERBOSE"),
        *options,
    ]
    (folder / "config").write_text("\n".join([*lines, ""]))
    if os.geteuid() == 0:
        _SEPARATION.mkdir(mode=0o755, exist_ok=True)
    log = folder / "log"
    command = [str(_program()), "-D", "-f", f"{folder}/config", "-E", str(log)]
    if instead or hidden:
        mounting = _mounting(folder, instead or {}, hidden)
        command = ["unshare", "--mount", "sh", "-c", mounting, "sh", *command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _await(process, port, log)
        yield Sshd(port, public, log, process.pid)
    finally:
        process.terminate()
        process.wait()


def user() -> str:
    """Who logs in."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _program() -> str | None:
    return shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")


def _mounting(folder: Path, instead: Mapping[str, str], hidden: Sequence[str]) -> str:
    """A script that mounts all of that for itself, and becomes the command of its arguments."""
    words = ["set -e"]
    for number, (path, text) in enumerate(instead.items()):
        mine = folder / f"instead-{number}"
        mine.write_text(text)
        words.append(f"mount --bind {mine} {path}")
    words += [f"mount -t tmpfs none {path}" for path in hidden if Path(path).exists()]
    return "\n".join([*words, 'exec "$@"'])


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((ADDRESS, port), 1) as there:
            if there.recv(4) == b"SSH-":
                return
        time.sleep(_POLL_S)
    said = log.read_text() if log.exists() else "it wrote nothing"
    raise AssertionError(f"sshd did not start:\n{said}")
