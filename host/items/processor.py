"""The processor: model, threads, clock, idle states, mitigations; its cores are in `cores`."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .. import topology
from ..cpus import CPUS
from ..expectation import ANY, DOUBT, EMPTY, HOST, RECORDED, Expectation, Limit, one_of
from ..item import Counter, Fact, Item
from ..kernel import Files, NotReadable
from ..knob import CpuFileKnob, Knob, flag, word
from . import cores, heat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..kernel import Kernel

_DMA_LATENCY = "dev/cpu_dma_latency"
_UNNAMED = "an unnamed hypervisor"
_NO_THREADS = {"off", "forceoff", "notsupported", "notimplemented"}
_MODES = ("amd_pstate", "intel_pstate")
_IDLE_US = 20  # lets C1 and C2 of a Ryzen in, keeps C6 of a Xeon out


class Smt(Knob):
    """Threads of a core; the first knob, because the others have a place for each online CPU."""

    name = "smt"

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:  # noqa: ARG002
        """Documentation/admin-guide/cputopology.rst."""
        return {f"{CPUS}/smt/control": "on" if flag(wanted) else "off"}

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        """SMT counts as off if the processor has no threads or the kernel was booted with nosmt."""
        return one == other or ("off" in {one, other} and {one, other} <= _NO_THREADS)


class Boost(Knob):
    """Every boost switch: the global one first, because it sets those of the policies.

    Which there are depends on kernel and driver: amd-pstate-epp has them from Linux 6.11 on.
    """

    name = "boost"
    vanishing = True

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """Documentation/admin-guide/pm/cpufreq.rst and intel_pstate.rst."""
        on = flag(wanted)
        patterns = (f"{CPUS}/cpufreq/boost", f"{CPUS}/cpufreq/*/boost")
        files = [path for pattern in patterns for path in kernel.find_active(pattern)]
        inverted = kernel.find(f"{CPUS}/intel_pstate/no_turbo")
        return dict.fromkeys(files, str(int(on))) | dict.fromkeys(inverted, str(int(not on)))


class IdleStates(Knob):
    """Disables the idle states whose exit latency exceeds a limit, in microseconds."""

    name = "idle_latency_us"
    vanishing = True  # firmware and driver decide which states there are

    def targets(self, kernel: Kernel, wanted: object) -> Mapping[str, str]:
        """Documentation/admin-guide/pm/cpuidle.rst: ``disable`` and ``latency`` of each state."""
        limit = int(word(wanted))
        states = kernel.find(f"{CPUS}/cpu[0-9]*/cpuidle/state[0-9]*/latency")
        return {
            f"{state.removesuffix('latency')}disable": str(int(int(kernel.read(state)) > limit))
            for state in states
        }


class EnergyPreference(CpuFileKnob):
    """What the processor is told about energy; drivers with modes of their own have it.

    A firmware can set a value that has no name, and the file then answers EINVAL. Its governor
    ``performance`` implies the preference of that name, so this is no failure. Booted with
    amd_pstate=passive, a host has none.
    """

    vanishing = True
    tolerated = frozenset({errno.EINVAL})

    def __init__(self) -> None:
        super().__init__("energy_preference", "cpufreq/energy_performance_preference")


def cpuinfo(host: Files, field: str) -> str:
    """A line of /proc/cpuinfo, of the first CPU.

    Raises:
        OSError, NotReadable: there is none.
    """
    fields = host.pairs("proc/cpuinfo", ":")
    if field not in fields:
        raise NotReadable(f"/proc/cpuinfo lists no {field}")
    return fields[field]


def _virtualisation(host: Files) -> str:
    if "hypervisor" not in cpuinfo(host, "flags").split():
        return "none"
    for path in ("sys/hypervisor/type", "sys/class/dmi/id/sys_vendor"):
        try:
            return host.read(path) or _UNNAMED
        except OSError:
            continue
    return _UNNAMED


def _topology(host: Files) -> dict[str, object]:
    """The cores and which share an L3 cache; the model of the processor implies the rest."""
    read = topology.read_topology(host.root)
    return {"cores": read.cores, "l3": read.l3}


def _smt(host: Files) -> bool:
    return host.read(f"{CPUS}/smt/active") == "1"


def _boost(host: Files) -> str:
    state = topology.read_boost(host.root)
    if state is None:
        raise NotReadable(f"no switch for boost below /{CPUS} (cpufreq driver: {_driver(host)})")
    return state


def _driver(host: Files) -> str:
    """The cpufreq driver, and its mode: active, guided or passive.

    Documentation/admin-guide/pm/amd-pstate.rst and intel_pstate.rst.
    """
    files = host.find_active(f"{CPUS}/cpu[0-9]*/cpufreq/scaling_driver")
    drivers = {host.read(file) for file in files}
    if not drivers:
        return "none"
    modes = [name for name in _MODES if host.exists(f"{CPUS}/{name}/status")]
    mode = "".join(f", {host.read(f'{CPUS}/{name}/status')}" for name in modes)
    return f"{' and '.join(sorted(drivers))}{mode}"


def _frequencies(host: Files) -> list[int]:
    slowest = host.of_each_cpu("cpufreq/scaling_min_freq")
    fastest = host.of_each_cpu("cpufreq/scaling_max_freq")
    return [min(map(int, slowest)) // 1000, max(map(int, fastest)) // 1000]


def _idle_latency(host: Files) -> int:
    """The slowest way out of an idle state that the kernel may choose."""
    allowed = _allowed_latency(host)
    base = host.root / CPUS
    states = [path for cpu in host.online() for path in base.glob(f"cpu{cpu}/cpuidle/state*")]
    if not states:
        raise NotReadable(f"no idle states below /{CPUS}")
    enabled = [path for path in states if (path / "disable").read_text().strip() == "0"]
    latencies = [int((path / "latency").read_text()) for path in enabled]
    return max((us for us in latencies if allowed is None or us <= allowed), default=0)


def _allowed_latency(host: Files) -> int | None:
    """The exit latency in us that some program requests (Documentation/power/pm_qos_interface.rst).

    Only root may read it; None for other users, who have to assume that there is no request.
    """
    try:
        return int.from_bytes((host.root / _DMA_LATENCY).read_bytes()[:4], "little", signed=True)
    except OSError:
        return None


def _mitigations(host: Files) -> str:
    words = host.read("proc/cmdline").split()
    chosen = [word.partition("=")[2] for word in words if word.startswith("mitigations=")]
    return chosen[-1] if chosen else "auto"


def _vulnerable(host: Files) -> list[str]:
    files = sorted((host.root / CPUS / "vulnerabilities").iterdir())
    return [path.name for path in files if path.read_text().startswith("Vulnerable")]


def _overheated(host: Files) -> dict[str, int]:
    files = host.find(f"{CPUS}/cpu[0-9]*/thermal_throttle/core_throttle_count")
    if not files:
        raise NotReadable(f"no thermal_throttle below /{CPUS}")
    return {file.split("/")[-3].removeprefix("cpu"): int(host.read(file)) for file in files}


ITEMS = (
    Item(
        "cpu_model",
        "model name of the processor",
        "model name of /proc/cpuinfo",
        read=lambda host: cpuinfo(host, "model name"),
        fact=Fact(),
    ),
    Item(
        "topology",
        "online CPUs by core; cores by L3 domain",
        f"/{CPUS}",
        read=_topology,
        fact=Fact(),
    ),
    Item(
        "virtualisation",
        "the hypervisor below the kernel, or none",
        "flags of /proc/cpuinfo, /sys/hypervisor/type, /sys/class/dmi/id/sys_vendor",
        read=_virtualisation,
        fact=Fact(
            "virtual",
            "whether the kernel runs under a hypervisor",
            lambda host: _virtualisation(host) != "none",
        ),
        expected=Expectation(one_of("none"), HOST, vm=ANY),
        why="a hypervisor gives the CPUs to other machines at any time, and hides their clock",
        do="use the profile vm, or a physical machine",
    ),
    *cores.ITEMS,
    Item(
        "smt",
        "whether cores run more than one thread",
        f"/{CPUS}/smt/active",
        read=_smt,
        fact=Fact(read=lambda host: str(int(_smt(host)))),
        expected=Expectation(one_of(False), HOST),  # noqa: FBT003 - the value itself
        why="two threads of one core slow each other down, depending on what they run",
        do="write off to /sys/devices/system/cpu/smt/control, or switch it off in the firmware",
        knob=Smt(),
    ),
    Item(
        "governor",
        "cpufreq governors in use",
        f"/{CPUS}/cpu*/cpufreq/scaling_governor",
        read=lambda host: host.of_each_cpu("cpufreq/scaling_governor"),
        fact=Fact(),
        expected=Expectation(one_of("performance"), HOST),
        why="any other governor changes the clock with the load, so it may differ by subject",
        do="cpupower frequency-set -g performance, or the firmware's performance mode",
        knob=CpuFileKnob("governor", "cpufreq/scaling_governor"),
    ),
    Item(
        "boost",
        "frequency boost: on, off, or mixed where the switches disagree",
        f"/{CPUS}/cpufreq/boost, policy*/boost, intel_pstate/no_turbo",
        read=_boost,
        fact=Fact(),
        expected=Expectation(one_of("off"), HOST),
        why="boost depends on temperature and on which other cores are busy",
        do="write 0 to /sys/devices/system/cpu/cpufreq/boost (Intel: 1 to intel_pstate/no_turbo); "
        "amd-pstate-epp has the switch from Linux 6.11 on: boot that, or with amd_pstate=passive",
        knob=Boost(),
    ),
    Item(
        "clock_driver",
        "the cpufreq driver, and its mode where it has modes",
        f"/{CPUS}/cpu*/cpufreq/scaling_driver, amd_pstate/status, intel_pstate/status",
        read=_driver,
        expected=RECORDED,
        why="driver and mode decide which of these settings the host has, and what they do",
    ),
    Item(
        "frequency_range",
        "lowest and highest frequency the governors may choose",
        f"/{CPUS}/cpu*/cpufreq/scaling_min_freq, scaling_max_freq",
        unit="MHz",
        read=_frequencies,
        expected=RECORDED,
        why="numbers of hosts with other clocks are not comparable",
    ),
    *heat.ITEMS,
    # After the governor, which limits it.
    Item(
        "energy_preference",
        "energy performance preferences in use",
        f"/{CPUS}/cpu*/cpufreq/energy_performance_preference",
        read=lambda host: host.of_each_cpu("cpufreq/energy_performance_preference"),
        expected=Expectation(one_of("performance"), DOUBT),
        why="any other preference lets the processor lower its clock by itself",
        do="write performance to cpufreq/energy_performance_preference of every CPU",
        knob=EnergyPreference(),
    ),
    Item(
        "idle_latency",
        "time to leave the deepest idle state that the kernel may choose",
        f"/{CPUS}/cpu*/cpuidle/state*, /{_DMA_LATENCY}",
        unit="us",
        read=_idle_latency,
        expected=Expectation(Limit(high=_IDLE_US), HOST),
        why="a core in a deep idle state wakes up late, and a core with less work sleeps deeper",
        do="cpupower idle-set -D 20, or hold /dev/cpu_dma_latency open with a limit",
        knob=IdleStates(),
    ),
    Item(
        "mitigations",
        "the kernel's choice of mitigations: auto unless a boot parameter says otherwise",
        "mitigations= in /proc/cmdline",
        read=_mitigations,
        expected=Expectation(Limit(other_than="off"), HOST),
        why="without mitigations system calls are cheaper than on production machines",
        do="remove mitigations=off from the boot parameters",
    ),
    Item(
        "vulnerable",
        "known flaws of the processor that are not mitigated",
        f"/{CPUS}/vulnerabilities",
        read=_vulnerable,
        expected=Expectation(EMPTY, DOUBT),
        why="an unmitigated flaw usually means old microcode; an update will change the figures",
        do="update the microcode; of a virtual machine, its operator must",
    ),
    Item(
        "overheated",
        "times each CPU lowered its clock because of heat",
        f"/{CPUS}/cpu*/thermal_throttle/core_throttle_count",
        counter=Counter(_overheated),
    ),
)
