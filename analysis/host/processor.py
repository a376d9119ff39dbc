"""What the processor should be set to."""

from __future__ import annotations

from analysis.host.expectation import (
    ADVICE,
    EMPTY,
    GATE,
    RECORDED,
    Expectation,
    Limit,
    all_of,
    at_most,
    everywhere,
    graded,
    one_of,
    only_bare_metal,
)

_EXCLUSIVE = ("exclusive-l3", "exclusive-core")
_TIER = graded(
    bare_metal=one_of(*_EXCLUSIVE),
    vm=one_of(*_EXCLUSIVE),
    smoke=one_of(*_EXCLUSIVE, "degraded"),
)
_IDLE_US = 20  # lets C1 and C2 of a Ryzen in, keeps C6 of a Xeon out

EXPECTATIONS = (
    Expectation(
        "virtualisation",
        "processor",
        only_bare_metal(one_of("none")),
        GATE,
        "a hypervisor gives the CPUs to others when it likes, and hides their clock",
        "use the profile vm, or a machine of your own",
        required=True,
    ),
    Expectation(
        "cores",
        "processor",
        everywhere(RECORDED),
        ADVICE,
        "service, database and load generator each want cores of their own",
        "use a machine with four cores or more",
    ),
    Expectation(
        "sockets",
        "processor",
        only_bare_metal(at_most(1)),
        ADVICE,
        "memory of the other socket is slower, and where a page lies is decided by chance",
        "bind the lab to one socket, or use a machine with one",
    ),
    Expectation(
        "l3_domains",
        "processor",
        everywhere(RECORDED),
        ADVICE,
        "cores that share a cache slow each other down",
        "nothing: the placement follows them",
    ),
    Expectation(
        "tier",
        "processor",
        _TIER,
        GATE,
        "purposes that share a core are measured together, and the faster service suffers more",
        "use a machine with more cores; until then read results as estimates",
        required=True,
    ),
    Expectation(
        "governor",
        "processor",
        everywhere(all_of("performance")),
        GATE,
        "any other governor changes the clock with the load, and so the speed with the subject",
        "cpupower frequency-set -g performance, or the firmware's performance mode",
        required=True,
    ),
    Expectation(
        "boost",
        "processor",
        everywhere(one_of("off")),
        GATE,
        "boost depends on temperature and on which other cores are busy",
        "write 0 to /sys/devices/system/cpu/cpufreq/boost (Intel: 1 to intel_pstate/no_turbo)",
        required=True,
    ),
    Expectation(
        "frequency_range",
        "processor",
        everywhere(RECORDED),
        ADVICE,
        "numbers of hosts with other clocks are not comparable",
        "nothing",
    ),
    Expectation(
        "energy_preference",
        "processor",
        everywhere(all_of("performance")),
        ADVICE,
        "any other preference lets the processor lower its clock by itself",
        "write performance to cpufreq/energy_performance_preference of every CPU",
    ),
    Expectation(
        "smt",
        "processor",
        everywhere(one_of(False)),  # noqa: FBT003 - the value itself
        GATE,
        "two threads of one core slow each other down by what the other happens to do",
        "write off to /sys/devices/system/cpu/smt/control, or switch it off in the firmware",
        required=True,
    ),
    Expectation(
        "idle_latency",
        "processor",
        everywhere(at_most(_IDLE_US, "us")),
        GATE,
        "a core that slept deeply answers late, and the less it is asked the deeper it sleeps",
        "cpupower idle-set -D 20, or hold /dev/cpu_dma_latency open with a limit",
        required=True,
    ),
    Expectation(
        "mitigations",
        "processor",
        everywhere(Limit("not off", lambda value: value != "off")),
        GATE,
        "without them system calls are cheaper than on any machine in service",
        "take mitigations=off out of the boot parameters",
        required=True,
    ),
    Expectation(
        "vulnerable",
        "processor",
        everywhere(EMPTY),
        ADVICE,
        "an unmitigated flaw usually means old microcode, and an update will move the numbers",
        "update the microcode; under a hypervisor its owner must",
    ),
)
