"""The page of which CPUs serve which purpose, on the hosts that the tests play."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from host.cpus import as_list
from host.kernel import kernel_at
from host.levels import MEANINGS
from host.placement import PURPOSES, read_plan
from host.settling import Store, chosen, tune
from tests.doctor import hosts
from tests.roles import played_host

_HEAD = """\
The lab plans the cores from the kernel's topology: the CPUs that are online and in the cpuset of
the lab, their threads, L3 caches with sizes, memory nodes, and kinds. It plans after it has set
SMT, and the same code plans again before each run. `ormlab doctor --verbose` and `python -m agent
placement` print the plan of a machine with its reasons, and each bundle keeps both.

The rules, the first that fits:

1. **Efficient cores beside fast ones**: service and database have the fast cores, housekeeping and
   load the efficient ones.
2. **Several memory nodes**: all purposes stay in the largest, if it has two L3 caches or more.
3. **Four L3 caches or more** of at least three cores: each purpose has one.
4. **Two or three**: the service has one for itself. The others share the rest.
5. **One**: from four cores no core is shared; with fewer, housekeeping and load share one.

The service takes the smallest cache where sizes differ, because most processors have no stacked
one. A core always serves one purpose, with all its threads. Cores that no rule needs stay idle.
"""
_TIERS = """\
| tier | what it promises |
|---|---|
"""
_HOSTS = """\
## Hosts

These are the hosts that the tests play, under the layout `dut_alone`: the tier of each as it is,
and its plan once SMT and boost are off, as provisioning sets them. Nobody has run the lab on them
yet.

| host | tier as it is | housekeeping | load | database | service | tier | why |
|---|---|---|---|---|---|---|---|
"""
# What the role host_cpu sets of all that a plan depends on.
_PROVISIONED = {"smt": False, "boost": False}


def page(made: str) -> str:
    """The page with a row for each host, the largest promise first."""
    tiers = [f"| `{tier}` | {meaning} |" for tier, meaning in MEANINGS.items()]
    rows = sorted((_row(name) for name in hosts.NAMES), key=_promise)
    lines = ["# Which CPUs serve which purpose\n", made, _HEAD, _TIERS + "\n".join(tiers) + "\n"]
    return "\n".join(lines) + "\n" + _HOSTS + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(name: str) -> tuple[str, ...]:
    with TemporaryDirectory() as folder:
        root = played_host.build(Path(folder), name)
        found = read_plan(root, "dut_alone")
        tune(kernel_at(root), chosen(_PROVISIONED), Store(root / "var/lib/ormlab"), check=False)
        planned = read_plan(root, "dut_alone")
    cpus = (as_list(getattr(planned, purpose)) for purpose in PURPOSES)
    return (hosts.load(name)["title"], found.tier, *cpus, planned.tier, " ".join(planned.why))


def _promise(row: tuple[str, ...]) -> tuple[int, str]:
    return list(MEANINGS).index(row[-2]), row[0]  # type: ignore[call-overload, no-any-return]
