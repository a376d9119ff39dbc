"""Documents of load generators that are whole, for tests that care for some of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.codec import serialise
from bundle.generators.article import Article, ArticleContains, ArticleFigures, ArticleSpec
from bundle.generators.capacity import Bounds, Capacity, Probe, Search
from bundle.generators.client import (
    Bodies,
    Censored,
    Client,
    Errors,
    Loop,
    OpenLoop,
    Samples,
    Spec,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.codec import Document

NS = 1_000_000_000
NO_ERRORS = Errors(connect=0, read=0, timeout=0, parse=0, status=0)


def spec(kind="closed", *, connections=2, warmup_s=1.0, seconds=1.0) -> Spec:
    return Spec(
        host="127.0.0.1",
        port=8080,
        loop=kind,
        connections=connections,
        processes=1,
        cpus=None,
        warmup_s=warmup_s,
        duration_s=seconds,
        requests_total=None,
        rate=100.0 if kind == "open" else None,
        arrivals="constant",
        seed=1,
        table="requests.tsv",
        repeatable=True,
        timeout_s=10.0,
        hash_fraction=0.0,
        start_at=None,
    )


def window(start_s: float, stop_s: float) -> Window:
    return Window(
        start_ns=round(start_s * NS),
        stop_ns=round(stop_s * NS),
        start_utc="2026-11-23T03:15:00Z",
        stop_utc="2026-11-23T03:15:01Z",
        seconds=stop_s - start_s,
    )


def client(
    kind="closed", *, seconds=1.0, connections=2, warmup_s=1.0, requests=100, **others: object
) -> Client:
    given = {
        "schema": "client/1",
        "spec": spec(kind, connections=connections, warmup_s=warmup_s, seconds=seconds),
        "measured": True,
        "failure": None,
        "window": window(0, seconds),
        "loop": Loop(kind=kind, meaning=""),
        "requests_in_window": requests,
        "throughput": requests / seconds,
        "completed": requests,
        "censored": Censored(total=0, unsent=0),
        "failed": 0,
        "errors": NO_ERRORS,
        "warmup_errors": {},
        "answers": {"read-user": {"200": requests}},
        "open_loop": None,
        "operations": ["read-user"],
        "samples": Samples(file="samples.bin", rows=requests, columns=[], bytes=28 * requests),
        "bodies": Bodies(hashed=0, unlisted=0, digests={}),
        "histograms": {},
        "processes": [],
        "peak_rss_bytes": 0,
    }
    return Client(**(given | others))


def probe(start_s: float, stop_s: float, *, rate=100.0, cpu_s=0.1, held=True) -> Probe:
    requests = round(rate * (stop_s - start_s))
    return Probe(
        rate=rate,
        lost=0,
        held=held,
        seed=1,
        window=window(start_s, stop_s),
        open_loop=OpenLoop(
            planned=requests, sent=requests, answered=requests, achieved=1.0, dropped=0
        ),
        requests_in_window=requests,
        completed=requests,
        censored=Censored(total=0, unsent=0),
        failed=0,
        errors=NO_ERRORS,
        cpu_s=[cpu_s],
        histograms={},
    )


def capacity(probes: Sequence[Probe], bounds: Bounds | None = None) -> Capacity:
    return Capacity(
        schema="capacity/1",
        spec=Search(
            client=spec(),
            arrivals="poisson",
            objective_ms=50.0,
            loss_ratio=0.01,
            width=0.05,
            probe_s=2.0,
            probes=3,
            limit_s=300.0,
        ),
        closed_loop_rate=1000.0,
        range=(100.0, 1200.0),
        capacity=bounds,
        failure=None,
        probes=list(probes),
    )


def article(latencies_us: Sequence[int], *, requests=10_000, seconds=2.0, failed=0) -> Article:
    return Article(
        schema="article/1",
        spec=ArticleSpec(
            url="http://127.0.0.1:8080", requests=requests, concurrency=500, paths=["/users/1"]
        ),
        figures=ArticleFigures(
            throughput_req_s=requests / seconds,
            p50_latency_ms=1.0,
            p99_latency_ms=2.0,
            error_rate_pct=100 * failed / requests,
            total_time_s=seconds,
            memory_mb=100.0,
        ),
        contains=ArticleContains(
            latency="",
            memory="",
            mean_latency_ms=1.0,
            mean_on_a_connection_at_most_ms=1.0,
            share_waiting_for_a_connection_at_least=0.0,
            p50_as_share_of_the_run=0.1,
            p99_as_share_of_the_run=0.2,
            requests_counted_in_throughput_that_failed=failed,
        ),
        latencies_us=list(latencies_us),
    )


def write(folder: Path, document: Document) -> None:
    """Write a document where its kind lies in the folder of a trial."""
    (folder / document.PATH).write_bytes(serialise(document))
