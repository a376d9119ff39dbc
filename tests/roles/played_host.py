"""A whole host in a folder: a fixture of tests/data/hosts, and what the roles touch besides."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from host.cpus import CPUS, as_mask
from tests.doctor import hosts
from tests.doctor.hosts import write

MACHINE = "0123456789abcdef0123456789abcdef"
SWAP_UUID = "5d1c9c6e-8d0f-4d43-9d3a-0d6f4f6c2b11"
_SWAP = "dev/nvme0n1p3"
# PIDs of processes in slices, and where each may run: everywhere.
_PROCESSES = {"system.slice": [100, 101], "user.slice": [200], "init.scope": [1]}
_DAEMONS = {100: "cron", 101: "irqbalance", 200: "bash", 1: "systemd"}
# Chip and number of two interrupts; of the others the kernel does not say.
_INTERRUPTS = {9: ("IO-APIC", "9"), 40: ("PCI-MSIX-0000:01:00.0", "3")}
_UNITS = ("apt-daily.timer", "fstrim.timer", "irqbalance.service", "swap.target")


def build(root: Path, fixture: str = "ryzen-smt-on", *, systemd: bool = True) -> Path:
    """Write the host; its files are those of a Debian 13 that nobody has tuned yet."""
    hosts.build(fixture, root)
    (root / ".played").mkdir()
    shutil.copy(Path(__file__).with_name("played_kernel.py"), root / ".played/kernel.py")
    online = (root / CPUS / "online").read_text().strip()
    count = len(list((root / CPUS).glob("cpu[0-9]*/topology")))
    smt = root / CPUS / "smt/active"
    threads = smt.exists() and smt.read_text().strip() == "1"
    for path, text in _files(online, range(count), threads=threads).items():
        write(root, path, text)
    for path in root.glob(f"{CPUS}/cpu[0-9]*/cpufreq"):
        (path / "scaling_available_governors").write_text("performance powersave\n")
    for folder in ("etc/systemd/system", "etc/tmpfiles.d", "etc/default/grub.d", "dev", "var/lib"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    write(root, _SWAP, "")
    link = root / f"dev/disk/by-uuid/{SWAP_UUID}"
    link.parent.mkdir(parents=True)
    link.symlink_to(f"../../{Path(_SWAP).name}")
    for unit in _UNITS:
        write(root, f"usr/lib/systemd/system/{unit}", "[Unit]")
    for slice_, pids in _PROCESSES.items():
        write(root, f"sys/fs/cgroup/{slice_}/cgroup.procs", "\n".join(map(str, pids)))
        for pid in pids:
            write(root, f"proc/{pid}/comm", _DAEMONS[pid])
            write(root, f"proc/{pid}/status", f"Name:\tx\nCpus_allowed_list:\t{online}")
    if systemd:
        (root / "run/systemd/system").mkdir(parents=True)
    play(root, active=["apt-daily.timer", "irqbalance.service", "swap.target"])
    return root


def _files(online: str, cpus, *, threads: bool) -> dict[str, str]:
    everywhere = as_mask(cpus)
    irqs = {f"proc/irq/{irq}/smp_affinity_list": online for irq in (1, 9, 40)}
    for irq, (chip, number) in _INTERRUPTS.items():
        irqs |= {
            f"sys/kernel/irq/{irq}/chip_name": chip,
            f"sys/kernel/irq/{irq}/hwirq": number,
        }
    return irqs | {
        "etc/machine-id": MACHINE,
        "etc/os-release": 'ID=debian\nVERSION_ID="13"',
        f"{CPUS}/smt/control": "on" if threads else "off",
        "proc/irq/0/smp_affinity_list": "0",
        "proc/irq/default_smp_affinity": everywhere,
        "sys/devices/virtual/workqueue/cpumask": everywhere,
        "sys/devices/virtual/workqueue/writeback/cpumask": everywhere,
        "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never",
        "sys/kernel/mm/transparent_hugepage/defrag": "always defer [defer+madvise] madvise never",
        "sys/class/power_supply/AC/type": "Mains",
        "sys/block/nvme0n1/queue/scheduler": "none [mq-deadline] kyber",
        "sys/class/nvme/nvme0/power/pm_qos_latency_tolerance_us": "100000",
        "proc/sys/kernel/nmi_watchdog": "1",
        "proc/sys/kernel/watchdog_cpumask": online,
        "proc/sys/vm/dirty_bytes": "0",
        "proc/sys/vm/dirty_ratio": "20",
        "proc/sys/vm/dirty_background_bytes": "0",
        "proc/sys/vm/dirty_background_ratio": "10",
        "proc/sys/vm/swappiness": "60",
        "proc/sys/vm/nr_hugepages": "0",
        "proc/sys/net/core/somaxconn": "128",
        "proc/sys/net/ipv4/tcp_max_syn_backlog": "512",
        "proc/sys/net/ipv4/ip_local_port_range": "15000\t60999",
        "proc/cpuinfo": "model name\t: AMD Ryzen 9 7950X 16-Core Processor\n"
        "flags\t\t: fpu tsc constant_tsc",
        "proc/swaps": "Filename Type Size Used Priority\n/dev/nvme0n1p3 partition 8388604 0 -2",
    }


def play(root: Path, **told: object) -> None:
    """Tell the played kernel what it refuses or ignores, and which units run."""
    for name, what in told.items():
        write(root, f".played/{name}.json", json.dumps(what))


def snapshot(root: Path) -> dict[str, str]:
    """Every file with its content, links as such; the kernel player's own notes are left out."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith(".played"):
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = path.read_text() if path.is_file() else "folder"
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple]:
    """What differs between two snapshots, by path."""
    paths = before.keys() | after.keys()
    return {
        path: (before.get(path), after.get(path))
        for path in sorted(paths)
        if before.get(path) != after.get(path)
    }


def pinned(root: Path, pid: int) -> str:
    """Where a process may run, in the kernel's list format."""
    status = (root / f"proc/{pid}/status").read_text()
    return status.split("Cpus_allowed_list:")[1].split()[0]
