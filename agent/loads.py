"""The loads of orders, one type for each generator: every default filled in, every path resolved.

A table is the path of a file of requests; ``repeatable`` says whether a generator may start again
at its top.
"""

from __future__ import annotations

from typing import Literal

from bundle.codec import Part

type Arrivals = Literal["constant", "poisson"]


class Wrk(Part, frozen=True, kw_only=True, tag_field="generator", tag="wrk"):
    """A closed loop that wrk drives; it warms up in a run of its own."""

    threads: int
    connections: int
    duration_s: int
    warmup_s: int
    timeout_s: int
    table: str
    warmup_table: str
    repeatable: bool


class _Client(Part, frozen=True, kw_only=True, tag_field="generator"):
    """What both loops of the asyncio client have; `workloads.load.client.spec.Spec`."""

    connections: int
    processes: int
    cpus: list[int] | None
    warmup_s: float
    duration_s: float
    timeout_s: float
    seed: int
    table: str
    repeatable: bool
    hash_fraction: float


class ClosedLoop(_Client, frozen=True, kw_only=True, tag="client-closed"):
    """A closed loop that the asyncio client drives."""

    requests_total: int | None


class OpenLoop(_Client, frozen=True, kw_only=True, tag="client-open"):
    """An open loop that the asyncio client drives."""

    rate: float
    arrivals: Arrivals


class Capacity(Part, frozen=True, kw_only=True, tag_field="generator", tag="capacity"):
    """A search for the highest rate that meets an objective; `workloads.load.capacity`."""

    objective_ms: float
    loss_ratio: float
    width: float
    probe_s: float
    probes: int
    arrivals: Arrivals
    connections: int
    processes: int
    cpus: list[int] | None
    warmup_s: float
    duration_s: float
    seed: int
    table: str
    repeatable: bool
    hash_fraction: float


class Article(Part, frozen=True, kw_only=True, tag_field="generator", tag="article"):
    """The article's own client."""

    requests: int
    concurrency: int
    duration_s: float
    table: str


type Load = Wrk | ClosedLoop | OpenLoop | Capacity | Article
