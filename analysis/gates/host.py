"""Gates of the host around a window: did anything but the trial happen?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.gates.gate import ALWAYS, HOST, Gate, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analysis.gates.evidence import TrialEvidence

type _Read = Callable[[TrialEvidence], Reading | None]

_PURPOSES = ("service", "load", "database")
_UNREAD = "the host has no such counter, or it could not be read"


def _counted(trial: TrialEvidence, *keys: str) -> list[Any] | None:
    """The differences of some sensors; None where one is missing."""
    counted = trial.kernel.get("counted", {})
    found = [counted.get(key) for key in keys]
    return None if None in found else found


def _sum(*keys: str) -> _Read:
    def read(trial: TrialEvidence) -> Reading:
        found = _counted(trial, *keys)
        if found is None:
            return Reading(None, _UNREAD)
        counts = [sum(each.values()) if isinstance(each, dict) else each for each in found]
        what = ", ".join(f"{key} {count}" for key, count in zip(keys, counts, strict=True))
        return Reading(sum(counts), what if len(keys) > 1 and any(counts) else "")

    return read


def _pressure(resource: str) -> _Read:
    def read(trial: TrialEvidence) -> Reading | None:
        if resource == "io" and trial.effects:
            return None  # a commit waits for the disk: that is its work
        found = _counted(trial, f"psi_{resource}_some_us")
        seconds = trial.kernel.get("seconds")
        if found is None or not seconds:
            return Reading(None, _UNREAD)
        return Reading(100 * found[0] / 1e6 / seconds)

    return read


def _steal(trial: TrialEvidence) -> Reading:
    found = _counted(trial, "steal_ticks", "cpu_ticks")
    if found is None:
        return Reading(None, _UNREAD)
    stolen, ticks = found
    placement: Mapping[str, Any] = trial.context.facts["placement"]
    # Of hosts that are apart only the trial's CPUs are kept, by role and number.
    cpus = {cpu for cpu in ticks if "/" in cpu}
    cpus = cpus or {str(cpu) for purpose in _PURPOSES for cpu in placement[purpose]}
    if not cpus <= ticks.keys():
        return Reading(None, "not every CPU of the trial was counted")
    shares = {cpu: stolen[cpu] / ticks[cpu] for cpu in cpus if ticks[cpu]}
    if not shares or len(shares) < len(cpus):
        return Reading(None, "not every CPU of the trial was counted")
    worst = max(sorted(shares), key=lambda cpu: shares[cpu])
    return Reading(100 * shares[worst], f"CPU {worst}" if shares[worst] else "")


def _retransmitted(trial: TrialEvidence) -> Reading:
    found = _counted(trial, "tcp_retransmitted", "tcp_sent")
    if found is None:
        return Reading(None, _UNREAD)
    again, sent = found
    if not sent:
        return Reading(None, "the counter has not seen the load's segments")
    return Reading(100 * again / sent, f"{again} of {sent}" if again else "")


def _kernel_log(trial: TrialEvidence) -> Reading:
    log = trial.kernel.get("kernel_log")
    return Reading(None, "it may not be read here") if log is None else Reading(log["errors"])


def _checkpoints(trial: TrialEvidence) -> Reading:
    log, counted = trial.database.get("log"), trial.database.get("checkpoints")
    known = [] if log is None else [log["checkpoints"]]
    known += [] if counted is None else [counted]
    return Reading(max(known, default=None), "" if known else "the server's log was not read")


def _autovacuums(trial: TrialEvidence) -> Reading:
    log = trial.database.get("log")
    if log is None:
        return Reading(None, "the server's log was not read")
    return Reading(log["autovacuums"])


def _clock(trial: TrialEvidence) -> Reading | None:
    return _told_by_clocks(trial, "clock_stepped_s", per_s=1000)


def _suspended(trial: TrialEvidence) -> Reading | None:
    return _told_by_clocks(trial, "suspended_s", per_s=1)


def _told_by_clocks(trial: TrialEvidence, key: str, *, per_s: float) -> Reading | None:
    """What the agent found by comparing two clocks; older bundles do not have the key at all."""
    if not trial.kernel:
        return Reading(None, "nobody looked")
    if key not in trial.kernel:
        return None
    found = trial.kernel[key]
    return Reading(None, _UNREAD) if found is None else Reading(abs(per_s * found))


_JUDGED = "judgement of this project"

GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="steal",
        scope="trial",
        what="time a hypervisor took from one of the trial's CPUs",
        unit="% of its time",
        rule=HOST,
        read=_steal,
        high=1,
        why="another guest ran where the trial should have",
        source=f"/proc/stat; the limit is a {_JUDGED}",
    ),
    Gate(
        code="pressure-memory",
        scope="trial",
        what="time in which some task waited for memory",
        unit="% of the window",
        rule=HOST,
        read=_pressure("memory"),
        high=1,
        why="pages were reclaimed while the trial ran",
        source=f"/proc/pressure/memory, some; the limit is a {_JUDGED}",
    ),
    Gate(
        code="pressure-io",
        scope="trial",
        what="time in which some task waited for a disk, in a read-only trial",
        unit="% of the window",
        rule=HOST,
        read=_pressure("io"),
        high=5,
        why="the rows are in memory: something else used the disk, or they were not",
        source=f"/proc/pressure/io, some; the limit is a {_JUDGED}",
    ),
    Gate(
        code="swap",
        scope="trial",
        what="pages moved to or from swap",
        unit="pages",
        rule=HOST,
        read=_sum("swapped_in", "swapped_out"),
        high=0,
        why="a page read back costs a thousand requests",
        source="/proc/vmstat: pswpin, pswpout",
    ),
    Gate(
        code="throttled",
        scope="trial",
        what="periods in which a control group's CPU limit held the trial",
        unit="periods",
        rule=HOST,
        read=_sum("throttled"),
        high=0,
        required=False,
        why="the limit was measured, not the service",
        source="cpu.stat of the agent's control group and of those above: nr_throttled",
    ),
    Gate(
        code="overheated",
        scope="trial",
        what="times a CPU slowed itself down to cool",
        unit="times",
        rule=HOST,
        read=_sum("overheated"),
        high=0,
        required=False,
        why="the later trial is always the slower one",
        source="thermal_throttle/core_throttle_count of each CPU, where the kernel has it",
    ),
    Gate(
        code="tcp-retransmitted",
        scope="trial",
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
        scope="trial",
        what="connections that a listening socket turned away",
        unit="connections",
        rule=HOST,
        read=_sum("listen_overflows", "listen_drops"),
        high=0,
        why="a client that is turned away tries again a second later",
        source="/proc/net/netstat: ListenOverflows, ListenDrops",
    ),
    Gate(
        code="kernel-log",
        scope="trial",
        what="messages of the kernel of level error or worse",
        unit="messages",
        rule=HOST,
        read=_kernel_log,
        high=0,
        required=False,
        why="a failing disk, memory or clock, or a process killed for memory",
        source="/dev/kmsg",
    ),
    Gate(
        code="clock",
        scope="trial",
        what="how far the wall clock was set in the window",
        unit="ms",
        rule=HOST,
        read=_clock,
        high=10,
        why="the server's log and the order of trials are told by the wall clock; figures are not",
        source="CLOCK_REALTIME against CLOCK_MONOTONIC; a clock that is disciplined moves by less "
        "than 0.5 ms a second (adjtimex(2)), the limit is a judgement of this project",
    ),
    Gate(
        code="suspended",
        scope="trial",
        what="how long the machine was suspended in the window",
        unit="s",
        rule=ALWAYS,
        read=_suspended,
        high=0.01,
        why="its caches were cold and its connections old afterwards, and the clock that measures "
        "latencies stood still",
        source="CLOCK_BOOTTIME against CLOCK_MONOTONIC (clock_gettime(2)); the limit is what two "
        "looks at two clocks may be apart",
    ),
    Gate(
        code="checkpoint",
        scope="trial",
        what="checkpoints of the database server under way in the window",
        unit="checkpoints",
        rule=ALWAYS,
        read=_checkpoints,
        high=0,
        why="a checkpoint writes all changed pages, and makes every first change afterwards "
        "write a whole page",
        source="the server's log between the ends of the window, held against pg_stat_bgwriter",
    ),
    Gate(
        code="autovacuum",
        scope="trial",
        what="automatic vacuums and analyses in the window",
        unit="tables",
        rule=ALWAYS,
        read=_autovacuums,
        high=0,
        why="a vacuum takes CPU time, disk and buffers, and a new analysis may change a plan",
        source="the server's log, log_autovacuum_min_duration = 0",
    ),
)
