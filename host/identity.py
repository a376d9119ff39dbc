"""Identifies a machine, and finds every reason not to tune it; for the role lab_guard."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .items import memory, processor
from .kernel import Files, NotReadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARKER = "etc/ormlab/enrolled.json"
OWN_CLUSTER = "16/ormlab"
SUPPORTED = {"debian": ("13",), "ubuntu": ("24.04",)}
# Daemons that change the clock by their own rules, and would undo the lab's settings.
_RETUNERS = ("tuned", "power-profiles-daemon", "auto-cpufreq", "cpufreqd")
_COMM = 15  # characters of a process name that the kernel keeps
_GIB = 1 << 30
_DATA = "var/lib"


@dataclass(frozen=True)
class Identity:
    """The identity of a host; None for what it does not say."""

    machine_id: str | None  #: from machine-id(5)
    cpu_model: str | None  #: as in /proc/cpuinfo
    memory_gib: float | None  #: physical memory that the kernel manages
    distribution: tuple[str, str]  #: ID and VERSION_ID of os-release(5)
    #: the machine-id in the enrolment marker, empty if that is not what the lab writes; None if
    #: the host is not enrolled
    enrolled_as: str | None
    clusters: tuple[str, ...]  #: PostgreSQL clusters of postgresql-common, as ``16/main``
    retuners: tuple[str, ...]  #: running daemons that change the clock
    discharging: bool  #: whether the host runs on its battery
    free_gib: float | None = None  #: free space where packages and PostgreSQL keep their data


@dataclass(frozen=True)
class Refusal:
    """A reason not to touch a host: a stable code, one sentence, and what to do next."""

    code: str
    what: str
    hint: str


@dataclass(frozen=True)
class Wanted:
    """The inventory's description of a host; None for what it leaves out."""

    machine_id: str | None = None
    cpu_model: str | None = None  #: part of the name
    memory_gib: float | None = None  #: a minimum
    any_distribution: bool = False  #: whether to accept distributions that the roles do not support
    free_gib: float | None = None  #: a minimum


def identify(root: Path) -> Identity:
    """Read the identity of the host below a root."""
    host = Files(root)
    release = host.release()
    total = _known(lambda: memory.meminfo(host, "MemTotal"))
    clusters = [path.removeprefix("etc/postgresql/") for path in host.find("etc/postgresql/*/*")]
    names = {_text(host, path) for path in host.find("proc/[0-9]*/comm")}
    return Identity(
        machine_id=_text(host, "etc/machine-id") or None,
        cpu_model=_known(lambda: processor.cpuinfo(host, "model name")),
        memory_gib=None if total is None else round(total / _GIB, 1),
        distribution=(release.get("ID", "?"), release.get("VERSION_ID", "?")),
        enrolled_as=_enrolled_as(_text(host, MARKER)),
        clusters=tuple(clusters),
        retuners=tuple(name for name in _RETUNERS if name[:_COMM] in names),
        discharging="Discharging" in {_text(host, path) for path in _batteries(host)},
        free_gib=_known(lambda: round(shutil.disk_usage(root / _DATA).free / _GIB, 1)),
    )


def _enrolled_as(marker: str) -> str | None:
    if not marker:
        return None
    try:
        told = json.loads(marker)
    except ValueError:
        return ""
    named = told.get("machine_id") if isinstance(told, dict) else None
    return named if isinstance(named, str) else ""


def _batteries(host: Files) -> list[str]:
    """The states of what can power the host.

    A wireless mouse is a supply too: its scope is Device (Documentation/power/power_supply_class).
    """
    found = host.find("sys/class/power_supply/*/status")
    return [path for path in found if _text(host, path.replace("status", "scope")) != "Device"]


def _names(model: str, part: str) -> bool:
    """Whether a processor's name has this part as whole words: a 7950X3D is no 7950X."""
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", model) is not None


def refusals(identity: Identity, wanted: Wanted, *, enrolled: bool) -> list[Refusal]:
    """Compare a host with the inventory's description; ``enrolled`` if it must have consented."""
    return [*_wrong_host(identity, wanted, enrolled=enrolled), *_in_the_way(identity, wanted)]


def _wrong_host(identity: Identity, wanted: Wanted, *, enrolled: bool) -> list[Refusal]:
    """Reasons to believe that the inventory means another machine."""
    refused = []
    look = "check the address of this host in the inventory, and lab_guard"
    if wanted.machine_id and wanted.machine_id != identity.machine_id:
        what = f"its machine-id is {identity.machine_id}, the inventory says {wanted.machine_id}"
        refused.append(Refusal("wrong-machine", what, look))
    if wanted.cpu_model and not _names(identity.cpu_model or "", wanted.cpu_model):
        what = f"its processor is {identity.cpu_model}, the inventory says {wanted.cpu_model}"
        refused.append(Refusal("wrong-processor", what, look))
    least = wanted.memory_gib
    if least and (identity.memory_gib is None or least > identity.memory_gib):
        has = "an unknown amount" if identity.memory_gib is None else f"{identity.memory_gib} GiB"
        what = f"it has {has} of memory, the inventory says at least {least}"
        refused.append(Refusal("wrong-memory", what, look))
    if not identity.enrolled_as and identity.enrolled_as is not None:
        what = f"/{MARKER} is not what the lab writes"
        refused.append(Refusal("strange-enrolment", what, "remove that file, then enroll it"))
    elif identity.enrolled_as is not None and identity.enrolled_as != identity.machine_id:
        what = f"its enrolment belongs to machine {identity.enrolled_as}: its disk is a copy"
        refused.append(Refusal("copied-enrolment", what, f"remove /{MARKER}, then enroll it"))
    if enrolled and identity.enrolled_as is None:
        enroll = "`ormlab preflight` lists the changes, `ormlab enroll` gives consent"
        refused.append(
            Refusal("not-enrolled", "nobody has consented to changes of this host", enroll)
        )
    return refused


def _in_the_way(identity: Identity, wanted: Wanted) -> list[Refusal]:
    """Reasons why this machine cannot be measured in its present state."""
    refused = []
    name, version = identity.distribution
    if version not in SUPPORTED.get(name, ()) and not wanted.any_distribution:
        known = ", ".join(f"{supported} {last}" for supported, (last,) in SUPPORTED.items())
        what = f"it runs {name} {version}"
        refused.append(Refusal("wrong-distribution", what, f"the roles support {known}"))
    foreign = [cluster for cluster in identity.clusters if cluster != OWN_CLUSTER]
    if foreign:
        what = f"it has PostgreSQL clusters that the lab did not create: {', '.join(foreign)}"
        move = "move them to another machine: they would take memory and CPU time"
        refused.append(Refusal("foreign-cluster", what, move))
    if wanted.free_gib and identity.free_gib is not None and wanted.free_gib > identity.free_gib:
        has = f"/{_DATA} has {identity.free_gib} GiB of free space"
        what = f"{has}, at least {wanted.free_gib:g} are needed"
        free = "free some space, or mount a larger disk there"
        refused.append(Refusal("little-space", what, free))
    if identity.retuners:
        what = f"{', '.join(identity.retuners)} runs and would change the clock"
        stop = f"systemctl disable --now {' '.join(identity.retuners)}"
        refused.append(Refusal("active-retuner", what, stop))
    if identity.discharging:
        plug = "plug it in, or better, measure on a machine without a battery"
        refused.append(Refusal("on-battery", "it runs on its battery", plug))
    return refused


def _text(host: Files, path: str) -> str:
    try:
        return host.read(path)
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _known[T](read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (NotReadable, FileNotFoundError):
        return None
