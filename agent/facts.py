"""The facts of a host that decide whether two results may be compared.

A registry, not a free-form dict: each fact has a key, a meaning and one reader. A fact that
cannot be read is null, never 0 and never left out.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from agent import placement
from host import environment

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = "host-facts/1"


@dataclass(frozen=True)
class Fact:
    """One fact: what it is called, what it means, how it is read.

    Attributes:
        key: name in the record.
        meaning: with its unit.
        read: returns the value, or raises OSError/ValueError/LookupError for "unreadable".
        identity: whether it belongs to the host fingerprint; facts that move between two runs
            on an unchanged host (load, free memory) do not.
    """

    key: str
    meaning: str
    read: Callable[[], Any]
    identity: bool = True


def _file(path: str) -> Callable[[], str]:
    return lambda: Path(path).read_text().strip()


def _cpuinfo(field: str) -> Callable[[], str]:
    def read() -> str:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
        raise LookupError(field)

    return read


def _selected(path: str) -> Callable[[], str]:
    """The bracketed choice of a sysfs file such as ``always [madvise] never``."""
    return lambda: Path(path).read_text().split("[")[1].split("]")[0]


def _os_release() -> str:
    return str(platform.freedesktop_os_release()["PRETTY_NAME"])


def _virtual() -> bool:
    return "hypervisor" in _cpuinfo("flags")().split()


def _program(*argv: str) -> Callable[[], str]:
    """First line of what a program says of its version; wrk exits 1 after saying it."""

    def read() -> str:
        if shutil.which(argv[0]) is None:
            raise LookupError(argv[0])
        said = subprocess.run(
            argv,
            env=environment.environment("tool"),
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
        return (said.stdout or said.stderr).splitlines()[0].strip()

    return read


def _topology() -> dict[str, Any]:
    return asdict(placement.read_topology(Path("/")))


def _governors() -> list[str]:
    files = sorted(Path(_SYS_CPU).glob("cpu[0-9]*/cpufreq/scaling_governor"))
    if not files:
        raise LookupError("scaling_governor")
    return sorted({file.read_text().strip() for file in files})


def _boost() -> str:
    state = placement.read_boost(Path("/"))
    if state is None:
        raise LookupError("boost")
    return state


_SYS_CPU = "/sys/devices/system/cpu"
FACTS: tuple[Fact, ...] = (
    Fact("cpu_model", "model name of the processor", _cpuinfo("model name")),
    Fact("topology", "online CPUs by core; cores by L3 domain", _topology),
    Fact("memory_bytes", "physical memory", lambda: psutil.virtual_memory().total),
    Fact("virtual", "whether the kernel runs under a hypervisor", _virtual),
    Fact("distribution", "name and version of the distribution", _os_release),
    Fact("kernel", "release of the kernel", lambda: os.uname().release),
    Fact("governor", "cpufreq governors in use", _governors),
    Fact("boost", "frequency boost: on, off, or mixed", _boost),
    Fact("smt", "whether SMT siblings are active", _file(f"{_SYS_CPU}/smt/active")),
    Fact("aslr", "randomize_va_space", _file("/proc/sys/kernel/randomize_va_space")),
    Fact("thp", "transparent huge pages", _selected("/sys/kernel/mm/transparent_hugepage/enabled")),
    Fact(
        "clocksource",
        "the kernel's clock source",
        _file("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
    ),
    Fact("swap_bytes", "configured swap", lambda: psutil.swap_memory().total),
    Fact("wrk", "version of wrk", _program("wrk", "--version")),
    Fact(
        "environment",
        "variables that the programs of a run are started with, by kind of program",
        environment.recorded,
        identity=False,
    ),
    Fact("load_1m", "load average, 1 minute", lambda: os.getloadavg()[0], identity=False),
    Fact(
        "memory_available_bytes",
        "memory that can be had without swapping",
        lambda: psutil.virtual_memory().available,
        identity=False,
    ),
)


def collect() -> dict[str, Any]:
    """Read every fact; see FACTS for the meanings.

    Returns:
        schema, facts by key (None for what could not be read), the keys that make up the host
        fingerprint, and the placement of the purposes on the CPUs.
    """
    planned = placement.read_plan(Path("/"))
    tier = placement.read_tier(Path("/"), planned)
    return {
        "schema": SCHEMA,
        "hostname": platform.node(),
        "facts": {fact.key: _read(fact) for fact in FACTS},
        "identity": [fact.key for fact in FACTS if fact.identity],
        "placement": asdict(planned) | {"tier": tier},
    }


def _read(fact: Fact) -> object:
    try:
        return fact.read()
    except (OSError, ValueError, LookupError, subprocess.SubprocessError):
        return None
