"""Gates of the host around a window: did anything but the trial happen?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from analysis.gates.gate import Gate, Reading
from bundle.documents.readings import Pace
from host.expectation import ALWAYS, HOST
from host.items.heat import LEAST_HEADROOM

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.gates.evidence import TrialEvidence
    from bundle.documents.readings import Counted, Kernel

FREQUENCY, TEMPERATURE = "frequency", "temperature"

type _Read = Callable[[TrialEvidence], Reading | None]

_UNREAD = Reading(None, "the host has no such counter, or it could not be read")


def _sum(*counters: str) -> _Read:
    """Read the sum of some counters of the kernel, over all CPUs."""

    def read(trial: TrialEvidence) -> Reading:
        counts = {counter: _count(trial, counter) for counter in counters}
        known = [count for count in counts.values() if count is not None]
        if len(known) < len(counts):
            return _UNREAD
        each = ", ".join(f"{counter} {count}" for counter, count in counts.items())
        return Reading(sum(known), each if len(known) > 1 and any(known) else "")

    return read


def _count(trial: TrialEvidence, counter: str) -> int | None:
    """What a counter counted in the window, over all CPUs; None where it was not read."""
    counted: Counted = getattr(trial.kernel.counted, counter) if trial.kernel else None
    return sum(counted.values()) if isinstance(counted, dict) else counted


def _pressure(counter: str) -> _Read:
    """Read the share of the window in which some task waited for a resource."""

    def read(trial: TrialEvidence) -> Reading:
        waited_us = _count(trial, counter)
        seconds = trial.kernel.seconds if trial.kernel else None
        if waited_us is None or not seconds:
            return _UNREAD
        return Reading(100 * waited_us / 1e6 / seconds)

    return read


def _disk(trial: TrialEvidence) -> Reading | None:
    if trial.effects:
        return None  # a commit waits for the disk: that is its work
    return _pressure("psi_io_some_us")(trial)


def _steal(trial: TrialEvidence) -> Reading:
    counts = trial.kernel.counted if trial.kernel else None
    stolen, ticks = (counts.steal_ticks, counts.cpu_ticks) if counts else (None, None)
    if not isinstance(stolen, dict) or not isinstance(ticks, dict):
        return _UNREAD
    placement = trial.context.facts.placement
    # Of hosts that are apart only the trial's CPUs are kept, by role and number.
    cpus = {cpu for cpu in ticks if "/" in cpu}
    cpus = cpus or {str(n) for n in (*placement.service, *placement.load, *placement.database)}
    shares = {cpu: stolen[cpu] / ticks[cpu] for cpu in cpus if ticks.get(cpu)}
    if not shares or len(shares) < len(cpus):
        return Reading(None, "not every CPU of the trial was counted")
    worst = max(sorted(shares), key=lambda cpu: shares[cpu])
    return Reading(100 * shares[worst], f"CPU {worst}" if shares[worst] else "")


def _retransmitted(trial: TrialEvidence) -> Reading:
    again = _count(trial, "tcp_retransmitted")
    sent = _count(trial, "tcp_sent")
    if again is None or sent is None:
        return _UNREAD
    if not sent:
        return Reading(None, "the counter has not seen the load's segments")
    return Reading(100 * again / sent, f"{again} of {sent}" if again else "")


def _kernel_log(trial: TrialEvidence) -> Reading:
    log = trial.kernel.kernel_log if trial.kernel else None
    return Reading(None, "it may not be read here") if log is None else Reading(log.errors)


def _checkpoints(trial: TrialEvidence) -> Reading | None:
    server = trial.database
    log = server.log.checkpoints if server and server.log else None
    if server and server.log and log is None and server.checkpoints is None:
        return None  # MariaDB writes changed pages all the time, and counts no checkpoints
    counted = server.checkpoints if server else None
    known = [each for each in (log, counted) if each is not None]
    return Reading(max(known, default=None), "" if known else "the server's log was not read")


def _autovacuums(trial: TrialEvidence) -> Reading | None:
    log = trial.database.log if trial.database else None
    if log is None:
        return Reading(None, "the server's log was not read")
    return None if log.autovacuums is None else Reading(log.autovacuums)


def _clocks(take: Callable[[Kernel], float | UnsetType | None], *, per_s: float = 1) -> _Read:
    """Read what the agent found by comparing two clocks; older bundles do not have the key."""

    def read(trial: TrialEvidence) -> Reading | None:
        if trial.kernel is None:
            return Reading(None, "nobody looked")
        seconds = take(trial.kernel)
        if seconds is UNSET:
            return None
        return _UNREAD if seconds is None else Reading(abs(per_s * seconds))

    return read


def _paced(read: Callable[[Pace], Reading]) -> _Read:
    """Read what was seen of clocks and heat; older bundles do not have the key."""

    def of(trial: TrialEvidence) -> Reading | None:
        if trial.kernel is None:
            return Reading(None, "nobody looked")
        return read(trial.kernel.pace) if isinstance(trial.kernel.pace, Pace) else None

    return of


def _frequency(pace: Pace) -> Reading:
    if pace.clocks is None:
        return Reading(None, pace.clocks_unread or "")
    shares = {
        cpu: (100 * clock.mean_khz / clock.planned_khz, clock.mean_khz, clock.planned_khz)
        for cpu, clock in pace.clocks.items()
        if clock.mean_khz is not None
    }
    if not shares:
        return Reading(None, "no CPU of the trial was busy when the agent looked")
    worst = min(shares, key=lambda cpu: shares[cpu])
    share, ran, planned = shares[worst]
    return Reading(share, f"CPU {worst} ran at {ran / 1e6:.2f} of {planned / 1e6:.2f} GHz")


def _temperature(pace: Pace) -> Reading:
    heat = pace.heat
    if heat is None:
        return Reading(None, pace.heat_unread or "")
    reached = f"{heat.sensor} reached {heat.highest_mc / 1000:g} degrees"
    if heat.headroom_mc is None:
        return Reading(None, f"{reached}; {heat.limit_from}")
    return Reading(heat.headroom_mc / 1000, reached)


_JUDGED = "judgement of this project"

GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="steal",
        what="time a hypervisor took from one of the trial's CPUs",
        unit="% of its time",
        rule=HOST,
        read=_steal,
        high=1,
        why="another guest of the hypervisor ran on the trial's CPU",
        source=f"/proc/stat; the limit is a {_JUDGED}",
    ),
    Gate(
        code="pressure-memory",
        what="time in which some task waited for memory",
        unit="% of the window",
        rule=HOST,
        read=_pressure("psi_memory_some_us"),
        high=1,
        why="the kernel reclaimed pages while the trial ran",
        source=f"/proc/pressure/memory, some; the limit is a {_JUDGED}",
    ),
    Gate(
        code="pressure-io",
        what="time in which some task waited for a disk, in a read-only trial",
        unit="% of the window",
        rule=HOST,
        read=_disk,
        high=5,
        why="either the rows did not fit in memory, or something else used the disk",
        source=f"/proc/pressure/io, some; the limit is a {_JUDGED}",
    ),
    Gate(
        code="swap",
        what="pages moved to or from swap",
        unit="pages",
        rule=HOST,
        read=_sum("swapped_in", "swapped_out"),
        high=0,
        why="reading one page back takes as long as a thousand requests",
        source="/proc/vmstat: pswpin, pswpout",
    ),
    Gate(
        code="throttled",
        what="periods in which a control group's CPU limit held the trial",
        unit="periods",
        rule=HOST,
        read=_sum("throttled"),
        high=0,
        required=False,
        why="the trial measured the CPU limit instead of the service",
        source="cpu.stat of the agent's control group and of those above: nr_throttled",
    ),
    Gate(
        code="overheated",
        what="times a CPU slowed itself down to cool",
        unit="times",
        rule=HOST,
        read=_sum("overheated"),
        high=0,
        required=False,
        why="CPUs heat up during a run, so later trials come out slower",
        source="thermal_throttle/core_throttle_count of each CPU, where the kernel has it",
    ),
    Gate(
        code=FREQUENCY,
        what="mean clock of the trial's slowest busy CPU",
        unit="% of its clock without boost",
        rule=HOST,
        read=_paced(_frequency),
        low=97,
        required=False,
        why="heat, a power limit or a governor held the clock down, and may not do so in the next "
        "trial",
        source="cpufreq/scaling_cur_freq of each CPU that was busy, twice a second: on x86 the "
        "kernel computes it from APERF and MPERF; against cpufreq/base_frequency, "
        "acpi_cppc/nominal_freq or the highest of scaling_available_frequencies, capped by "
        "scaling_max_freq. The limit is the margin of throughput on bare metal",
    ),
    Gate(
        code=TEMPERATURE,
        what="how far the processor stayed below the temperature at which it slows itself down",
        unit="degrees C",
        rule=HOST,
        read=_paced(_temperature),
        low=LEAST_HEADROOM,
        required=False,
        why="at its limit a processor lowers its clock by itself, and more so the longer the run "
        "lasts",
        source="temp*_input of k10temp (Tctl) or coretemp (package), twice a second, against "
        "temp*_crit; k10temp has none since family 17h, so of some Ryzens against the Tjmax of "
        f"AMD's product page. The limit is a {_JUDGED}",
    ),
    Gate(
        code="tcp-retransmitted",
        what="TCP segments that were sent again",
        unit="% of the segments",
        rule=HOST,
        read=_retransmitted,
        high=0.1,
        why="a lost segment costs its request 200 ms or more",
        source=f"/proc/net/snmp; the limit is a {_JUDGED}",
    ),
    Gate(
        code="listen-queue",
        what="connections that a listening socket turned away",
        unit="connections",
        rule=HOST,
        read=_sum("listen_overflows", "listen_drops"),
        high=0,
        why="a refused client tries again a second later",
        source="/proc/net/netstat: ListenOverflows, ListenDrops",
    ),
    Gate(
        code="kernel-log",
        what="messages of the kernel of level error or worse",
        unit="messages",
        rule=HOST,
        read=_kernel_log,
        high=0,
        required=False,
        why="a disk, memory or clock fails, or the kernel killed a process for memory",
        source="/dev/kmsg",
    ),
    Gate(
        code="clock",
        what="how far the wall clock was set in the window",
        unit="ms",
        rule=HOST,
        read=_clocks(lambda kernel: kernel.clock_stepped_s, per_s=1000),
        high=10,
        why="the server's log and the order of trials use the wall clock; figures do not",
        source="CLOCK_REALTIME against CLOCK_MONOTONIC; time synchronisation moves a clock by less "
        f"than 0.5 ms a second (adjtimex(2)); the limit is a {_JUDGED}",
    ),
    Gate(
        code="suspended",
        what="how long the machine was suspended in the window",
        unit="s",
        rule=ALWAYS,
        read=_clocks(lambda kernel: kernel.suspended_s),
        high=0.01,
        why="afterwards caches are cold and connections are old, and the clock that measures "
        "latencies stood still",
        source="CLOCK_BOOTTIME against CLOCK_MONOTONIC (clock_gettime(2)); the limit is the time "
        "between reading the two clocks",
    ),
    Gate(
        code="checkpoint",
        what="checkpoints of the database server under way in the window",
        unit="checkpoints",
        rule=ALWAYS,
        read=_checkpoints,
        high=0,
        why="a checkpoint writes all changed pages, and after it the first change to a page logs "
        "the whole page",
        source="the server's log between the ends of the window, compared with pg_stat_bgwriter",
    ),
    Gate(
        code="autovacuum",
        what="automatic vacuums and analyses in the window",
        unit="tables",
        rule=ALWAYS,
        read=_autovacuums,
        high=0,
        why="a vacuum takes CPU time, disk and buffers, and a new analysis may change a plan",
        source="the server's log, log_autovacuum_min_duration = 0",
    ),
)
