"""What else should happen on the host, which ports must be free, which programs must be there."""

from __future__ import annotations

from analysis.host.expectation import (
    ADVICE,
    ALWAYS_FATAL,
    EMPTY,
    GATE,
    RECORDED,
    Expectation,
    Limit,
    at_least,
    at_most,
    everywhere,
    graded,
    one_of,
    only_bare_metal,
)

_END_IT = "end what is running; foreign_processes names it"
_PRESENT = Limit("installed", lambda value: value != "none")

EXPECTATIONS = (
    Expectation(
        "load_1m",
        "foreign load",
        everywhere(RECORDED),
        ADVICE,
        "it tells of the last minute, not of now: foreign_cpu does",
        "nothing",
    ),
    Expectation(
        "runnable",
        "foreign load",
        everywhere(RECORDED),
        ADVICE,
        "it tells of one instant: foreign_cpu tells of a second",
        "nothing",
    ),
    Expectation(
        "foreign_cpu",
        "foreign load",
        graded(
            bare_metal=at_most(0.1, "cores"), vm=at_most(0.2, "cores"), smoke=at_most(0.2, "cores")
        ),
        GATE,
        "what others use is missing from some trials and not from others",
        _END_IT,
        required=True,
    ),
    Expectation(
        "foreign_processes",
        "foreign load",
        everywhere(EMPTY),
        GATE,
        "a process that is busy now will be busy in some trials",
        "end them, or wait until they have ended",
        required=True,
    ),
    Expectation(
        "steal",
        "foreign load",
        graded(bare_metal=one_of(0), vm=at_most(0.01, "share"), smoke=at_most(0.01, "share")),
        GATE,
        "the hypervisor ran somebody else on these CPUs",
        "ask for dedicated CPUs, or measure at another hour",
        required=True,
    ),
    Expectation(
        "pressure_cpu",
        "foreign load",
        everywhere(at_most(0.05, "share")),
        ADVICE,
        "tasks waited for a CPU although the lab was asleep",
        _END_IT,
    ),
    Expectation(
        "pressure_memory",
        "foreign load",
        everywhere(at_most(0.01, "share")),
        ADVICE,
        "tasks waited for memory to be reclaimed",
        "end what holds memory",
    ),
    Expectation(
        "pressure_io",
        "foreign load",
        everywhere(at_most(0.05, "share")),
        ADVICE,
        "tasks waited for the disk that PostgreSQL commits to",
        "end what writes, and wait until it is written",
    ),
    Expectation(
        "ports_taken",
        "network",
        everywhere(EMPTY),
        ALWAYS_FATAL,
        "services and PostgreSQL could not be started",
        "end what listens there, or take lab_service_port and lab_postgres_port out of the "
        "inventory: a run then draws free ones",
    ),
    Expectation(
        "ports_ephemeral",
        "network",
        everywhere(EMPTY),
        ADVICE,
        "any outgoing connection may hold such a port when a service wants it",
        "set lab_service_port and lab_postgres_port below the range, or leave them out",
    ),
    Expectation(
        "ephemeral_ports",
        "network",
        everywhere(at_least(16_384)),
        ADVICE,
        "closed connections hold their port for a minute, and new ones fail when none is left",
        'sysctl net.ipv4.ip_local_port_range="32768 60999"',
    ),
    Expectation(
        "python",
        "tools",
        everywhere(
            Limit("3.13, at some exact patch", lambda value: value.split(".")[:2] == ["3", "13"])
        ),
        ALWAYS_FATAL,
        "the agent and the stacks on 3.13 run on it",
        "install CPython 3.13 and set lab_python for that host",
        required=True,
    ),
    Expectation(
        "wrk",
        "tools",
        everywhere(_PRESENT),
        ADVICE,
        "plans with wrk are refused without it",
        "make wrk, or --omit-missing-generators",
    ),
    Expectation(
        "uv",
        "tools",
        everywhere(_PRESENT),
        ALWAYS_FATAL,
        "the stacks' environments are made with it",
        "make the environment anew; for another host, set lab_uv in the inventory",
    ),
    Expectation(
        "compiler",
        "tools",
        only_bare_metal(_PRESENT),
        ADVICE,
        "stacks with a package that has no wheel are compiled, or recorded as failed",
        "install gcc (Debian, Ubuntu: build-essential)",
    ),
)
