"""Knobs of the processor: its threads, its clock and its idle states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cpus import CPUS
from .knob import CpuFileKnob, Knob, flag, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kernel import Kernel

_NO_THREADS = {"off", "forceoff", "notsupported", "notimplemented"}


class Smt(Knob):
    """Threads of a core; the first knob, because the others have a place for each online CPU."""

    name = "smt"
    meaning = "whether each core runs more than one thread"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG002
        """Documentation/admin-guide/cputopology.rst."""
        return {f"{CPUS}/smt/control": "on" if flag(wanted) else "off"}

    def same(self, kernel: Kernel, one: str, other: str) -> bool:  # noqa: ARG002
        """SMT counts as off if the processor has no threads or the kernel was booted with nosmt."""
        return one == other or ("off" in {one, other} and {one, other} <= _NO_THREADS)


class Governor(CpuFileKnob):
    """The cpufreq governor of each CPU."""

    name = "governor"
    meaning = "cpufreq governor of every CPU"
    file = "cpufreq/scaling_governor"


class EnergyPreference(CpuFileKnob):
    """The hint to the processor's own clock control; set after the governor, which limits it."""

    name = "energy_preference"
    meaning = "energy performance preference of every CPU"
    file = "cpufreq/energy_performance_preference"


class Boost(Knob):
    """Every boost switch: the global one first, because it sets those of the policies."""

    name = "boost"
    meaning = "whether the clock may exceed its nominal value"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
        """Documentation/admin-guide/pm/cpufreq.rst and intel_pstate.rst."""
        on = flag(wanted)
        files = [*kernel.find(f"{CPUS}/cpufreq/boost"), *kernel.find(f"{CPUS}/cpufreq/*/boost")]
        inverted = kernel.find(f"{CPUS}/intel_pstate/no_turbo")
        return dict.fromkeys(files, str(int(on))) | dict.fromkeys(inverted, str(int(not on)))


class IdleStates(Knob):
    """Disables the idle states whose exit latency exceeds a limit."""

    name = "idle_latency_us"
    meaning = "longest allowed exit latency of an idle state, in microseconds"

    def targets(self, kernel: Kernel, wanted: Any) -> Mapping[str, str]:  # noqa: ANN401
        """Documentation/admin-guide/pm/cpuidle.rst: ``disable`` and ``latency`` of each state."""
        limit = int(word(wanted))
        states = kernel.find(f"{CPUS}/cpu[0-9]*/cpuidle/state[0-9]*/latency")
        return {
            f"{state.removesuffix('latency')}disable": str(int(int(kernel.read(state)) > limit))
            for state in states
        }
