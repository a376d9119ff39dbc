"""Test hosts that boot: a Debian tree under systemd-nspawn, with sshd, in a network namespace."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.host.booted.network import Namespace

_BOOT_S = 180
_SHUTDOWN_S = 120
_POLL_S = 0.05


@dataclass(frozen=True)
class Machine:
    """A booted host.

    Attributes:
        name: its host name.
        namespace: its network.
        tree: its files, as seen from outside.
        host_key: the line of its key, as known_hosts takes it after the host's name.
        init: process id of its systemd, as seen from outside.
    """

    name: str
    namespace: Namespace
    tree: Path
    host_key: str
    init: int

    @property
    def address(self) -> str:
        """Its own on the bridge."""
        return self.namespace.address

    @property
    def fingerprint(self) -> str:
        """Of its key, as it stands on its console."""
        told = subprocess.run(
            ["ssh-keygen", "-lf", "-"],
            input=self.host_key,
            check=True,
            capture_output=True,
            text=True,
        )
        return told.stdout.split()[1]

    def run(self, *argv: str) -> str:
        """Run a program inside as root, without ssh; returns its standard output."""
        inside = ["nsenter", f"--target={self.init}", "--all", "--", *argv]
        return subprocess.run(inside, check=True, capture_output=True, text=True).stdout


def why_not() -> str | None:
    """The reason why this machine cannot boot a test host, as a test's reason to skip."""
    missing = [
        tool for tool in ("systemd-nspawn", "ip", "nsenter", "ssh") if shutil.which(tool) is None
    ]
    if missing:
        return f"needs {', '.join(missing)} (apt-get install systemd-container iproute2)"
    if not any(_hierarchies()):
        return "no cgroup hierarchy is mounted here that systemd could use"
    return None


@contextlib.contextmanager
def booted(name: str, tree: Path, namespace: Namespace, authorized_key: str) -> Iterator[Machine]:
    """Boot a tree and wait until its sshd answers; yields it, and shuts it down at the end.

    Args:
        name: its host name.
        tree: a Debian with systemd and sshd, writable.
        namespace: its network.
        authorized_key: of root, and of the user ``bench``, who may use sudo.
    """
    host_key = prepare(name, tree, authorized_key)
    log = tree.with_name(f"{name}.console")
    with _cgroup(namespace.name) as joining, log.open("wb") as console:
        options = ["--quiet", "--register=no", "--keep-unit", "--boot", "--console=read-only"]
        options += ["--resolv-conf=off", "--timezone=off", "--link-journal=no"]
        options += [f"--machine={namespace.name}", f"--hostname={name}"]
        options += [f"--directory={tree}", f"--network-namespace-path={namespace.path}"]
        nspawn = subprocess.Popen(
            [*joining, "systemd-nspawn", *options],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
        )
        try:
            _await_sshd(nspawn, namespace, log)
            yield Machine(name, namespace, tree, host_key, _init_of(nspawn.pid))
        finally:
            nspawn.terminate()  # which asks the system inside to power off
            try:
                nspawn.wait(_SHUTDOWN_S)
            except subprocess.TimeoutExpired:
                nspawn.kill()
                nspawn.wait()


def prepare(name: str, tree: Path, authorized_key: str) -> str:
    """Give the tree a name, keys and a user; returns its public host key."""
    ssh = tree / "etc/ssh"
    for old in ssh.glob("ssh_host_*"):
        old.unlink()
    key = ssh / "ssh_host_ed25519_key"
    make_key(key)
    (ssh / "sshd_config.d/test.conf").write_text(
        f"HostKey /etc/ssh/{key.name}\nPasswordAuthentication no\nUseDNS no\n"
    )
    (tree / "etc/hostname").write_text(f"{name}\n")
    (tree / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    (tree / "etc/resolv.conf").unlink(missing_ok=True)
    (tree / "etc/machine-id").write_text("uninitialized\n")
    inside = ["chroot", str(tree)]
    subprocess.run([*inside, "useradd", "--create-home", "--shell=/bin/bash", "bench"], check=True)
    (tree / "etc/sudoers.d/bench").write_text("bench ALL=(ALL) NOPASSWD: ALL\n")
    for home, user in (("root", "root"), ("home/bench", "bench")):
        folder = tree / home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "authorized_keys").write_text(authorized_key)
        owner = f"{user}:{user}"
        subprocess.run([*inside, "chown", "-R", owner, f"/{home}/.ssh"], check=True)
    kind, public, *_ = key.with_suffix(".pub").read_text().split()
    return f"{kind} {public}"


def make_key(path: Path) -> str:
    """Make a key of ssh; returns its public half as one line."""
    asked = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(asked, check=True)
    return path.with_suffix(".pub").read_text()


def _await_sshd(nspawn: subprocess.Popen[bytes], namespace: Namespace, log: Path) -> None:
    """Wait until sshd shows its key; that takes about a second."""
    look = ["ssh-keyscan", "-T", "1", "-t", "ed25519", namespace.address]
    deadline = time.monotonic() + _BOOT_S
    while time.monotonic() < deadline:
        if nspawn.poll() is not None:
            break
        told = subprocess.run(namespace.inside(*look), capture_output=True, text=True, check=False)
        if "ssh-ed25519" in told.stdout:
            return
        time.sleep(_POLL_S)
    raise AssertionError(f"the test host did not boot:\n{log.read_text(errors='replace')[-4000:]}")


def _init_of(pid: int) -> int:
    """The process that nspawn started as the system's first."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@contextlib.contextmanager
def _cgroup(name: str) -> Iterator[list[str]]:
    """Make a control group; yields the start of a command line that runs a program in it.

    Two systems in one group would end each other's services.
    """
    groups = [mounted / name for mounted in _hierarchies()]
    try:
        for group in groups:
            group.mkdir()
        join = "".join(f"echo $$ > {group}/cgroup.procs && " for group in groups)
        yield ["sh", "-c", f'{join}exec "$@"', "join"]
    finally:
        for group in groups:
            # From the innermost outwards: a group with groups in it cannot be removed.
            for folder, _, _ in os.walk(group, topdown=False):
                Path(folder).rmdir()


def _hierarchies() -> list[Path]:
    """Where the hierarchies that systemd uses are mounted: cgroup v2, and its own of v1."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and re.search(r"\bname=systemd\b", options)):
            found.append(Path(before.split()[4]))
    return found
