"""A whole machine, played by QEMU in software: two L3 caches, SMT, its own kernel, a Debian 13.

It needs no virtualisation by the processor, which may be there and still not work: what it costs
is time. Nothing but this machine's loopback reaches it, and it reaches nothing.

The kernel gives numbers to interrupts, and names to drives, in the order of the slots. So a drive
in a slot before the others changes all of them.
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
_DISK = "5G"
_SWAP_MIB = 64
_BOOT_S = 600
_POLL_S = 1.0
# Other models panic, or know no topology of caches.
_PROCESSOR = "EPYC-Milan,-cx16,+topoext"
_NETWORK = "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n"
_MOUNTS = "LABEL=root / ext4 defaults 0 1\nLABEL=swap none swap sw 0 0\n"
# Slots of the first bus; QEMU has filled those below.
_FREE, _DISK_SLOT, _SWAP_SLOT, _NETWORK_SLOT = 4, 5, 6, 7
_TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "mke2fs": "e2fsprogs", "ssh": "openssh-client"}


@dataclass
class Machine:
    """One that can be switched on.

    Attributes:
        port: of its sshd, on loopback.
        key: private key of root.
        known_hosts: file with its own key.
        command: that plays it.
        console: file for what its kernel says.
    """

    port: int
    key: Path
    known_hosts: Path
    command: list[str]
    console: Path
    _qemu: subprocess.Popen[bytes] | None = None

    def run(self, command: str) -> str:
        """Run a line of shell as root; returns its standard output."""
        options = [f"-i{self.key}", "-oBatchMode=yes", "-oStrictHostKeyChecking=yes"]
        options += [f"-oUserKnownHostsFile={self.known_hosts}", f"-p{self.port}"]
        # QEMU accepts for a machine that is down.
        options += ["-oConnectTimeout=10", "-oServerAliveInterval=5", "-oServerAliveCountMax=6"]
        asked = ["ssh", *options, "root@127.0.0.1", command]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout

    def switch_on(self, *more: str) -> None:
        """Boot it, and wait until its sshd answers.

        Args:
            more: arguments of QEMU, for what is plugged in besides.
        """
        serial = ["-serial", f"file:{self.console}"]
        self._qemu = subprocess.Popen([*self.command, *serial, *more], stdin=subprocess.DEVNULL)
        _await_sshd(self._qemu, self.port, self.console)

    def shut_down(self) -> None:
        """Have it stop its services, and wait until it has switched itself off."""
        assert self._qemu is not None
        with contextlib.suppress(subprocess.CalledProcessError):  # it goes while it answers
            self.run("systemctl poweroff")
        self._qemu.wait(_BOOT_S)

    def unplug(self) -> None:
        """Switch it off at once."""
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()


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
        make = ["mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(tree), str(disk), _DISK]
        subprocess.run(make, check=True)
    empty(swap, _SWAP_MIB)
    subprocess.run(["mkswap", "-q", "-L", "swap", str(swap)], check=True)
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {host_key}\n")
    arguments = (
        "root=LABEL=root rw console=ttyS0 net.ifnames=0 systemd.show_status=0 systemd.firstboot=off"
        # Its clock is late when this machine is busy, which a look at the timer takes for a fault.
        " no_timer_check panic=-1"
    )
    forward = f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", _PROCESSOR]
    command += ["-smp", f"{CPUS},sockets=2,cores=2,threads=2", "-m", str(_MEMORY_MIB)]
    command += ["-kernel", str(kernel), "-initrd", str(initrd), "-append", arguments]
    command += drive(disk, _DISK_SLOT)
    command += drive(swap, _SWAP_SLOT)
    command += ["-netdev", forward, "-device", f"virtio-net-pci,netdev=net,addr={_NETWORK_SLOT}"]
    # A kernel that panics reboots, which ends QEMU, so that nobody waits for it.
    command += ["-display", "none", "-monitor", "none", "-no-reboot"]
    machine = Machine(port, folder / "key", known_hosts, command, folder / "console")
    try:
        machine.switch_on()
        yield machine
    finally:
        machine.unplug()


def empty(image: Path, mib: int) -> None:
    """Make the image of a drive with nothing on it."""
    with image.open("wb") as file:
        file.truncate(mib << 20)


def drive(image: Path, slot: int = _FREE) -> list[str]:
    """Arguments of QEMU that plug a drive in, without more before all others."""
    kept = f"file={image},format=raw,if=none,cache=unsafe,id={image.stem}"
    return ["-drive", kept, "-device", f"virtio-blk-pci,drive={image.stem},addr={slot}"]


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
