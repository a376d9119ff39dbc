"""A whole machine, played by QEMU in software: two L3 caches, SMT, its own kernel, a Debian 13.

It needs no virtualisation by the processor, which may be there and still not work: what it costs
is time. Nothing but this machine's loopback reaches it, and it reaches nothing.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.conftest import free_port
from tests.host import root
from tests.host.booted import nspawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = (*root.PACKAGES, "cron", "initramfs-tools", "linux-image-cloud-amd64")
CPUS = 8
_MEMORY_MIB = 2048
_DISK = "3G"
_SWAP_MIB = 64
_BOOT_S = 600
_POLL_S = 1.0
# Other models panic, or know no topology of caches.
_PROCESSOR = "EPYC-Milan,-cx16,+topoext"
_NETWORK = "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n"
_MOUNTS = "/dev/vda / ext4 defaults 0 1\n/dev/vdb none swap sw 0 0\n"
_TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "mke2fs": "e2fsprogs", "ssh": "openssh-client"}


@dataclass(frozen=True)
class Machine:
    """One that runs.

    Attributes:
        port: of its sshd, on loopback.
        key: private key of root.
        known_hosts: file with its own key.
    """

    port: int
    key: Path
    known_hosts: Path

    def run(self, command: str) -> str:
        """Run a line of shell as root; returns its standard output."""
        options = [f"-i{self.key}", "-oBatchMode=yes", "-oStrictHostKeyChecking=yes"]
        options += [f"-oUserKnownHostsFile={self.known_hosts}", f"-p{self.port}"]
        # QEMU accepts for a machine that is down.
        options += ["-oConnectTimeout=10", "-oServerAliveInterval=5", "-oServerAliveCountMax=6"]
        asked = ["ssh", *options, "root@127.0.0.1", command]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout

    def reboot(self) -> None:
        """Boot again, and wait until it answers."""
        before = self.run("cat /proc/sys/kernel/random/boot_id")
        with contextlib.suppress(subprocess.CalledProcessError):  # it goes while it answers
            self.run("systemctl reboot")
        deadline = time.monotonic() + _BOOT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.CalledProcessError):
                if self.run("cat /proc/sys/kernel/random/boot_id") != before:
                    return
            time.sleep(_POLL_S)
        raise AssertionError("the machine did not come back")


def why_not() -> str | None:
    """The reason why there can be none here, as a test's reason to skip."""
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    if missing:
        return f"needs {' '.join(missing)} (apt-get install --no-install-recommends)"
    return root.why_not()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Machine]:
    """Make the machine's disk and boot it; it is switched off at the end.

    Args:
        folder: for its disk, its keys and what its console says.
    """
    port = free_port()
    with root.copy(folder, PACKAGES) as tree:
        public = nspawn.make_key(folder / "key")
        host_key = nspawn.prepare("metal", tree, public)
        _furnish(tree)
        kernel, initrd = (
            shutil.copy(next(tree.glob(f"boot/{name}-*")), folder / name)
            for name in ("vmlinuz", "initrd.img")
        )
        disk, swap = folder / "disk.img", folder / "swap.img"
        make = ["mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(disk), _DISK]
        subprocess.run(make, check=True)
    with swap.open("wb") as file:
        file.truncate(_SWAP_MIB << 20)
    subprocess.run(["mkswap", "-q", str(swap)], check=True)
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {host_key}\n")
    arguments = (
        "root=/dev/vda rw console=ttyS0 net.ifnames=0 systemd.show_status=0 systemd.firstboot=off"
    )
    forward = f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", _PROCESSOR]
    command += ["-smp", f"{CPUS},sockets=2,cores=2,threads=2", "-m", str(_MEMORY_MIB)]
    command += ["-kernel", str(kernel), "-initrd", str(initrd), "-append", arguments]
    command += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"]
    command += ["-drive", f"file={swap},format=raw,if=virtio,cache=unsafe"]
    command += ["-netdev", forward, "-device", "virtio-net-pci,netdev=net"]
    command += ["-display", "none", "-serial", f"file:{folder / 'console'}", "-monitor", "none"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as qemu:
        try:
            _await_sshd(qemu, port, folder / "console")
            yield Machine(port, folder / "key", known_hosts)
        finally:
            qemu.terminate()


def _furnish(tree: Path) -> None:
    """What a machine needs beyond a container: disks, and an address."""
    (tree / "etc/fstab").write_text(_MOUNTS)
    (tree / "etc/systemd/network/10-eth0.network").write_text(_NETWORK)
    subprocess.run(["systemctl", f"--root={tree}", "enable", "-q", "systemd-networkd"], check=True)


def _await_sshd(qemu: subprocess.Popen[bytes], port: int, console: Path) -> None:
    look = ["ssh-keyscan", "-T", "5", "-t", "ed25519", "-p", str(port), "127.0.0.1"]
    deadline = time.monotonic() + _BOOT_S
    while time.monotonic() < deadline and qemu.poll() is None:
        told = subprocess.run(look, capture_output=True, text=True, check=False)
        if "ssh-ed25519" in told.stdout:
            return
        time.sleep(_POLL_S)
    said = console.read_text(errors="replace")[-4000:] if console.exists() else ""
    raise AssertionError(f"the machine did not boot:\n{said}")
