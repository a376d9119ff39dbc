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

    threads: Annotated[int, Meta(ge=1, le=64)]
    connections: base.Count
    duration_s: WholeSeconds
    warmup_s: Annotated[int, Meta(ge=0, le=600)] = 1
    timeout_s: WholeSeconds = 10
    kill: base.Kill | None = None

    def __post_init__(self) -> None:
        """Refuse connections that wrk would not open."""
        # wrk opens threads x (connections // threads): the rest would silently be missing.
        if self.connections % self.threads:
            raise ValueError(
                f"wrk would open {self.connections - self.connections % self.threads} "
                f"connections, not {self.connections}: threads must divide connections"
            )

    def shortened(self) -> WrkLoad:
        """Without a warm-up."""
        return structs.replace(self, duration_s=int(base.FLOOR_S), warmup_s=0)


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
