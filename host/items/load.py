"""What else the host is doing, over the interval between two moments and around each window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import moment
from ..expectation import DOUBT, EMPTY, HOST, RECORDED, Expectation, Limit, one_of
from ..item import Counter, Fact, Item

if TYPE_CHECKING:
    from ..item import Place
    from ..kernel import Files

BUSY_CORES = 0.05  # of one core: less than that is lost in the ticks of a second
_END_IT = "stop the programs that foreign_processes names"


def _load(host: Files) -> float:
    return float(host.read("proc/loadavg").split()[0])


def _foreign_cpu(place: Place) -> float:
    # The lab sleeps during the interval, so all busy time is that of other programs.
    busy = moment.cpu_shares(place.before, place.after)["busy"]
    return round(busy * len(place.online()), 3)


def _foreign_processes(place: Place) -> list[str]:
    busy = moment.busy_processes(place.before, place.after, least=BUSY_CORES)
    return [f"{name} {cores:.2f}" for name, cores in busy]


def _cpu_ticks(host: Files) -> dict[str, int]:
    ticks = moment.cpu_ticks(host.read("proc/stat"))
    return {cpu: sum(by_state.values()) for cpu, by_state in ticks.items() if cpu}


def _steal_ticks(host: Files) -> dict[str, int]:
    ticks = moment.cpu_ticks(host.read("proc/stat"))
    return {cpu: by_state["steal"] for cpu, by_state in ticks.items() if cpu}


def _stalled(resource: str, high: float, what: str, why: str, do: str) -> Item:
    path = f"proc/pressure/{resource}"
    return Item(
        f"pressure_{resource}",
        f"share of the interval in which some task waited for {resource}",
        f"some of /{path}",
        unit="share",
        read=lambda place: round(moment.stalled_share(place.before, place.after, resource), 4),
        expected=Expectation(Limit(high=high), DOUBT),
        why=why,
        do=do,
        counter=Counter(
            lambda host: moment.stalled_us(host.read(path)),
            f"psi_{resource}_some_us",
            f"microseconds some task waited for {what}",
        ),
    )


ITEMS = (
    Item(
        "load_1m",
        "load average of the last minute",
        "/proc/loadavg",
        read=_load,
        fact=Fact(identity=False),
        expected=RECORDED,
        why="it explains results; it covers the last minute, and foreign_cpu the last second",
    ),
    Item(
        "runnable",
        "tasks that run or wait for a CPU, without the lab's own",
        "procs_running of /proc/stat",
        read=lambda place: max(0, moment.counter(place.after, "procs_running") - 1),
        expected=RECORDED,
        why="it explains results; it counts at one instant, and foreign_cpu over a second",
    ),
    Item(
        "foreign_cpu",
        "CPU time that other programs used while the lab slept for a second",
        "/proc/stat, twice",
        unit="cores",
        read=_foreign_cpu,
        expected=Expectation(Limit(high=0.1), HOST, vm=Limit(high=0.2)),
        why="CPU time that other programs use is missing in some trials and not in others",
        do=_END_IT,
    ),
    Item(
        "foreign_processes",
        f"processes that used at least {BUSY_CORES:g} cores in that second",
        "/proc/PID/stat, twice",
        unit="cores",
        read=_foreign_processes,
        expected=Expectation(EMPTY, HOST),
        why="a process that is busy now will be busy in some trials",
        do="stop them, or wait until they end",
    ),
    Item(
        "steal",
        "share of CPU time that the hypervisor gave to other machines",
        "steal of /proc/stat, twice",
        unit="share",
        read=lambda place: round(moment.cpu_shares(place.before, place.after)["steal"], 4),
        expected=Expectation(one_of(0), HOST, vm=Limit(high=0.01)),
        why="the hypervisor ran other virtual machines on these CPUs",
        do="ask for dedicated CPUs, or measure at another hour",
        counter=Counter(_steal_ticks, "steal_ticks", "ticks the hypervisor took, by CPU"),
    ),
    _stalled("cpu", 0.05, "a CPU", "tasks waited for a CPU although the lab was asleep", _END_IT),
    _stalled(
        "memory",
        0.01,
        "memory",
        "tasks waited for memory to be reclaimed",
        "stop programs that hold much memory",
    ),
    _stalled(
        "io",
        0.05,
        "a disk",
        "tasks waited for the disk that PostgreSQL commits to",
        "stop programs that write, and wait until their data is on the disk",
    ),
    Item("cpu_ticks", "ticks of each CPU in all states", "/proc/stat", counter=Counter(_cpu_ticks)),
    Item(
        "context_switches",
        "context switches",
        "ctxt of /proc/stat",
        counter=Counter(lambda host: moment.stat_count(host.read("proc/stat"), "ctxt")),
    ),
)
