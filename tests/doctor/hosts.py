"""Fixture trees of hosts, from the small files in tests/data/hosts/.

A file names cores, threads of each, cores of an L3 domain and sockets; ``each_cpu`` lists files of
every CPU, ``files`` all others, ``without`` patterns of what is removed again, ``offline`` CPUs
that are switched off. ``like`` takes everything else from another host.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from host.cpus import as_list
from host.item import Place
from host.moment import Moment, take
from tests.conftest import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = CHECKOUT / "tests/data/hosts"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
_CPUS = "sys/devices/system/cpu"


def load(name: str) -> dict[str, Any]:
    host = yaml.safe_load((FOLDER / f"{name}.yaml").read_bytes())
    if "like" not in host:
        return host
    whole = load(host["like"])
    for key, value in host.items():
        whole[key] = whole[key] | value if key in {"files", "each_cpu"} else value
    return whole


def build(name: str, root: Path, *, offline=None) -> Path:
    """Write a host's files below a folder; CPU i is thread i // cores of core i % cores."""
    host = load(name)
    cores, threads, l3 = host["cores"], host["threads"], host["l3"]
    count = cores * threads
    off = host.get("offline", []) if offline is None else offline
    online = [cpu for cpu in range(count) if cpu not in off]
    files = host["files"] | {f"{_CPUS}/online": as_list(online)}
    for cpu in online:
        core = cpu % cores
        own = {
            "topology/thread_siblings_list": _cpus([core], cores, online),
            "topology/physical_package_id": str(core * host["sockets"] // cores),
        }
        if l3:
            first = core // l3 * l3
            own["cache/index3/shared_cpu_list"] = _cpus(range(first, first + l3), cores, online)
        for path, text in (own | host["each_cpu"]).items():
            files[f"{_CPUS}/cpu{cpu}/{path}"] = text
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
    )


def _cpus(cores, count, online) -> str:
    """The online CPUs of some cores: of an offline one the kernel lists none."""
    return as_list(cpu for cpu in online if cpu % count in cores)
