"""Readings of the processor: clock, threads, idle states, mitigations, how cores can be shared."""

from __future__ import annotations

from .. import placement
from ..cpus import CPUS
from .source import NotReadable, Place, Reading

_DMA_LATENCY = "dev/cpu_dma_latency"
_UNNAMED = "an unnamed hypervisor"


def _governors(place: Place) -> list[str]:
    return place.of_each_cpu("cpufreq/scaling_governor")


def _boost(place: Place) -> str:
    state = placement.read_boost(place.root)
    if state is None:
        raise NotReadable(f"no switch for boost below /{CPUS}")
    return state


def _idle_latency(place: Place) -> int:
    """The slowest way out of an idle state that the kernel may choose."""
    allowed = _allowed_latency(place)
    base = place.root / CPUS
    states = [path for cpu in place.online() for path in base.glob(f"cpu{cpu}/cpuidle/state*")]
    if not states:
        raise NotReadable(f"no idle states below /{CPUS}")
    enabled = [path for path in states if (path / "disable").read_text().strip() == "0"]
    latencies = [int((path / "latency").read_text()) for path in enabled]
    return max((each for each in latencies if allowed is None or each <= allowed), default=0)


def _allowed_latency(place: Place) -> int | None:
    """What some program holds the kernel to (Documentation/power/pm_qos_interface.rst), in us.

    Only root may read it; who may not has to assume that nobody holds it to anything.
    """
    try:
        return int.from_bytes((place.root / _DMA_LATENCY).read_bytes()[:4], "little", signed=True)
    except OSError:
        return None


def _frequencies(place: Place) -> list[int]:
    slowest = place.of_each_cpu("cpufreq/scaling_min_freq")
    fastest = place.of_each_cpu("cpufreq/scaling_max_freq")
    return [min(map(int, slowest)) // 1000, max(map(int, fastest)) // 1000]


def _virtualisation(place: Place) -> str:
    for line in place.text("proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return _hypervisor(place) if "hypervisor" in value.split() else "none"
    raise NotReadable("/proc/cpuinfo lists no flags")


def _hypervisor(place: Place) -> str:
    for path in ("sys/hypervisor/type", "sys/class/dmi/id/sys_vendor"):
        try:
            return place.text(path) or _UNNAMED
        except OSError:
            continue
    return _UNNAMED


def _mitigations(place: Place) -> str:
    words = place.text("proc/cmdline").split()
    chosen = [word.partition("=")[2] for word in words if word.startswith("mitigations=")]
    return chosen[-1] if chosen else "auto"


def _vulnerable(place: Place) -> list[str]:
    files = sorted((place.root / CPUS / "vulnerabilities").iterdir())
    return [path.name for path in files if path.read_text().startswith("Vulnerable")]


def _cores(place: Place) -> int:
    return len(placement.read_topology(place.root).cores)


def _l3_domains(place: Place) -> list[int]:
    domains = placement.read_topology(place.root).l3
    if not domains:
        raise NotReadable(f"no cache/index3 below /{CPUS}")
    return [len(domain) for domain in domains]


READINGS = (
    Reading(
        "virtualisation",
        "text",
        None,
        "the hypervisor below the kernel, or none",
        "flags of /proc/cpuinfo, /sys/hypervisor/type, /sys/class/dmi/id/sys_vendor",
        _virtualisation,
    ),
    Reading("cores", "number", None, "physical cores online", f"/{CPUS}", _cores),
    Reading(
        "sockets",
        "number",
        None,
        "processor packages",
        f"/{CPUS}/cpu*/topology/physical_package_id",
        lambda place: len(place.of_each_cpu("topology/physical_package_id")),
    ),
    Reading(
        "l3_domains",
        "list",
        None,
        "cores in each L3 domain",
        f"/{CPUS}/cpu*/cache/index3/shared_cpu_list",
        _l3_domains,
    ),
    Reading(
        "tier",
        "text",
        None,
        "how well purposes can be kept apart on these cores",
        "agent/placement.py",
        lambda place: placement.read_plan(place.root).tier,
    ),
    Reading(
        "governor",
        "list",
        None,
        "cpufreq governors in use",
        f"/{CPUS}/cpu*/cpufreq/scaling_governor",
        _governors,
    ),
    Reading(
        "boost",
        "text",
        None,
        "frequency boost: on, off, or mixed where the switches disagree",
        f"/{CPUS}/cpufreq/boost, policy*/boost, intel_pstate/no_turbo",
        _boost,
    ),
    Reading(
        "frequency_range",
        "list",
        "MHz",
        "lowest and highest frequency the governors may choose",
        f"/{CPUS}/cpu*/cpufreq/scaling_min_freq, scaling_max_freq",
        _frequencies,
    ),
    Reading(
        "energy_preference",
        "list",
        None,
        "energy performance preferences in use",
        f"/{CPUS}/cpu*/cpufreq/energy_performance_preference",
        lambda place: place.of_each_cpu("cpufreq/energy_performance_preference"),
    ),
    Reading(
        "smt",
        "flag",
        None,
        "whether cores run more than one thread",
        f"/{CPUS}/smt/active",
        lambda place: place.text(f"{CPUS}/smt/active") == "1",
    ),
    Reading(
        "idle_latency",
        "number",
        "us",
        "time to leave the deepest idle state that may be entered",
        f"/{CPUS}/cpu*/cpuidle/state*, /{_DMA_LATENCY}",
        _idle_latency,
    ),
    Reading(
        "mitigations",
        "text",
        None,
        "the kernel's choice of mitigations: auto unless a boot parameter says otherwise",
        "mitigations= in /proc/cmdline",
        _mitigations,
    ),
    Reading(
        "vulnerable",
        "list",
        None,
        "known flaws of the processor that are not mitigated",
        f"/{CPUS}/vulnerabilities",
        _vulnerable,
    ),
)
