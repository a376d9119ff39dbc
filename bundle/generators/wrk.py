"""wrk: its load in a plan, and ``wrk.json``, which workloads/load/wrk/report.lua writes."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, structs

from bundle.codec import Part
from bundle.generators import base
from bundle.values import Count

type WholeSeconds = Annotated[int, Meta(ge=1, le=3600)]  # wrk takes no fractions


class WrkLoad(base.Load, frozen=True, kw_only=True, tag="wrk"):
    """Closed loop, driven by wrk."""

    program: ClassVar[str | None] = "wrk"
    installed_by: ClassVar[str] = "`make wrk` installs it"

    threads: Annotated[int, Meta(ge=1, le=64)]  #: threads of wrk; they must divide the connections
    connections: base.Count  #: connections to the service, over all threads
    duration_s: WholeSeconds  #: seconds of the window
    warmup_s: Annotated[int, Meta(ge=0, le=600)] = 1  #: seconds of load before it
    timeout_s: WholeSeconds = 10  #: seconds after which a request has failed
    kill: base.Kill | None = None  #: connections of the service's that are ended on purpose

    def __post_init__(self) -> None:
        """Refuse connections that wrk would not open."""
        require_divided(self.connections, self.threads)

    def shortened(self) -> WrkLoad:
        """Without a warm-up."""
        return structs.replace(self, duration_s=int(base.FLOOR_S), warmup_s=0)


def require_divided(connections: int, threads: int) -> None:
    """Refuse connections that wrk would not open.

    Raises:
        ValueError: wrk opens threads x (connections // threads): the rest would be missing.
    """
    if connections % threads:
        raise ValueError(
            f"wrk would open {connections - connections % threads} connections, not {connections}: "
            "threads must divide connections"
        )


class WrkErrors(Part, frozen=True, kw_only=True):
    """What wrk counts as errors."""

    connect: Count  #: connections that could not be opened
    read: Count  #: that ended while an answer was read
    write: Count  #: that ended while a request was sent
    status: Count  #: answers above 399
    timeout: Count  #: answers later than allowed

    @property
    def total(self) -> int:
        """All of them."""
        return self.connect + self.read + self.write + self.status + self.timeout


class Wrk(base.GeneratorReport, frozen=True, kw_only=True):
    """``wrk.json``: counters and latency histogram of wrk."""

    PATH: ClassVar[str] = "wrk.json"

    schema: Literal["wrk/1"]
    threads: Count  #: of wrk
    connections: Count  #: asked for, over all threads
    connections_opened: Count  #: threads x (connections // threads)
    requests: Count  #: answers, whatever their status
    duration_us: Count  #: from the start of the last of wrk's threads to the end of the last one
    bytes: Count  #: read, headers included
    errors: WrkErrors  #: by kind
    #: microseconds and count, ascending, as wrk corrected them
    latency_us: tuple[tuple[Count, Count], ...]
    table_exhausted: bool  #: whether a table that may not be repeated was used up
    #: instant at which the last thread had its requests and all began, on the monotonic clock of
    #: the load's host; null where LuaJIT has no FFI
    begun_ns: int | None = None
    #: instant of the first answer of any thread, likewise; null also where all requests are the
    #: same, because wrk then asks the script for none
    first_answer_ns: int | None = None

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """From the first answer, or from when its threads began, to when its clock stopped.

        None where it does not say when it began, as in older bundles.
        """
        if self.begun_ns is None:
            return None
        return self.first_answer_ns or self.begun_ns, self.begun_ns + 1000 * self.duration_us

    @property
    def throughput(self) -> float:
        """Answers per second, whatever their status."""
        return self.requests / (self.duration_us / 1e6) if self.duration_us else 0.0


GENERATOR = base.Generator(
    loads=(WrkLoad,),
    report=Wrk,
    kept=("wrk.stdout.txt",),
    # The line in which wrk repeats the address that the lab has told it.
    address_lines={"wrk.stdout.txt": re.compile(r"\ARunning \S+ test @ .*")},
)
