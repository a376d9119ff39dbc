"""Fixture trees of hosts, from the small files in tests/data/hosts/.

A file names cores, threads of each, cores of an L3 domain and sockets, and where a host has them
the size of each L3 cache in MiB, memory nodes, and efficient cores, of one thread, behind the
others. ``each_cpu`` lists files of every CPU, ``files`` all others, ``without`` patterns of what is
removed again, ``offline`` CPUs that are switched off. ``like`` takes the rest from another host.
"""

from __future__ import annotations

import shutil
from itertools import batched
from typing import TYPE_CHECKING, Any

import yaml

from host.cpus import as_list
from host.item import Place
from host.moment import Moment, take
from host.spinning import summary
from tests.conftest import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = CHECKOUT / "tests/data/hosts"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
_CPUS = "sys/devices/system/cpu"
# Two seconds of a CPU on which only the timer's interrupt runs, 250 times a second.
_QUIET = summary([2_500] * 500, looks=20_000_000, elapsed_ns=2_000_000_000)


def load(name: str) -> dict[str, Any]:
    host = yaml.safe_load((FOLDER / f"{name}.yaml").read_bytes())
    if "like" not in host:
        return host
    whole = load(host["like"])
    for key, value in host.items():
        whole[key] = whole[key] | value if key in {"files", "each_cpu"} else value
    return whole


def build(name: str, root: Path, *, offline=None) -> Path:
    """Write a host's files below a folder; see `_cores` for the numbers of its CPUs."""
    host = load(name)
    cores = _cores(host)
    off = host.get("offline", []) if offline is None else offline
    online = [cpu for cpu in sorted(cpu for core in cores for cpu in core) if cpu not in off]
    files = host["files"] | {f"{_CPUS}/online": as_list(online)}
    for index, core in enumerate(cores):
        own = host["each_cpu"] | _topology(host, cores, index, online)
        for cpu in set(core) & set(online):
            files |= {f"{_CPUS}/cpu{cpu}/{path}": text for path, text in own.items()}
    if nodes := host.get("nodes"):
        for node, cpus in enumerate(batched(cores, len(cores) // nodes, strict=True)):
            files[f"sys/devices/system/node/node{node}/cpulist"] = _cpus(cpus, online)
    if host.get("efficient"):
        files["sys/devices/cpu_atom/cpus"] = _cpus(cores[host["cores"] :], online)
    for path, text in files.items():
        write(root, path, text)
    for pattern in host.get("without", []):
        for path in root.glob(pattern):
            remove(path)
    return root


def write(root: Path, path: str, text: str) -> None:
    """Write a file of the tree; a ``*`` in the path means every folder that is there."""
    folder, _, name = path.rpartition("/")
    if "*" in folder:
        for found in root.glob(folder):
            (found / name).write_text(f"{text}\n")
        return
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / path).write_text(f"{text}\n")


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def place(root: Path, *, ports=(15432, 18080), stat="", processes=({}, {}), counters=None) -> Place:
    """A second on this host: idle, unless told how /proc/stat and other counters end."""
    before = take(root, processes[0])
    idle = "cpu  1000 0 500 160200 100 0 10 0 0 0\nprocs_running 1"
    ended = dict(before.counters) | {"proc/stat": stat or idle} | (counters or {})
    return Place(
        root=root,
        folder=root,
        ports=ports,
        uv=None,
        before=Moment(10.0, before.counters, processes[0]),
        after=Moment(11.0, ended, processes[1]),
        jitter={8: _QUIET, 9: _QUIET},
    )


def _cores(host) -> list[tuple[int, ...]]:
    """The CPUs of each core.

    AMD numbers the second threads behind all first ones, Intel's hybrids beside the first.
    """
    cores, threads = host["cores"], host["threads"]
    if slow := host.get("efficient", 0):
        fast = [tuple(range(core * threads, (core + 1) * threads)) for core in range(cores)]
        return fast + [(cores * threads + each,) for each in range(slow)]
    return [tuple(core + thread * cores for thread in range(threads)) for core in range(cores)]


def _topology(host, cores, index, online) -> dict[str, str]:
    """The files of each CPU of a core that say what it shares."""
    files = {
        "topology/thread_siblings_list": _cpus([cores[index]], online),
        "topology/physical_package_id": str(index * host["sockets"] // len(cores)),
    }
    if l3 := host["l3"]:
        domain = index // l3
        shared = cores[domain * l3 : (domain + 1) * l3]
        files["cache/index3/shared_cpu_list"] = _cpus(shared, online)
        if "l3_mib" in host:
            files["cache/index3/size"] = f"{host['l3_mib'][domain] * 1024}K"
    return files


def _cpus(cores, online) -> str:
    """The online CPUs of some cores: of an offline one the kernel lists none."""
    return as_list(cpu for core in cores for cpu in core if cpu in online)
