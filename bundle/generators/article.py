"""The article's own client: its load in a plan, and ``article.json``, which it leaves."""

from __future__ import annotations

from typing import ClassVar, Literal

from bundle.codec import Part
from bundle.generators import base
from bundle.generators.client import Seconds
from bundle.values import Count


class ArticleLoad(base.Load, frozen=True, kw_only=True, tag="article"):
    """The article's own client: all requests at once, the clock started before the queue."""

    requests: base.Count = 10_000  #: requests in all, sent at once
    concurrency: base.Count = 500  #: connections
    duration_s: base.Seconds = 60.0  #: seconds that all of it may take

    @property
    def may_end_early(self) -> bool:
        """When all requests are answered."""
        return True


class ArticleSpec(Part, frozen=True, kw_only=True):
    """What the article's client was asked to do: requests in all, and connections."""

    url: str
    requests: Count
    concurrency: Count
    paths: list[str]


class ArticleFigures(Part, frozen=True, kw_only=True):
    """Figures as the article computes them; ``memory_mb`` is of the client."""

    throughput_req_s: float
    p50_latency_ms: float
    p99_latency_ms: float
    error_rate_pct: float
    total_time_s: Seconds
    memory_mb: float


class ArticleContains(Part, frozen=True, kw_only=True):
    """What those figures contain."""

    latency: str  #: in words
    memory: str  #: in words
    mean_latency_ms: float  #: of all requests
    mean_on_a_connection_at_most_ms: float  #: the most that they can have had a connection
    share_waiting_for_a_connection_at_least: float  #: of the mean
    p50_as_share_of_the_run: float  #: the median over the whole time
    p99_as_share_of_the_run: float  #: likewise
    requests_counted_in_throughput_that_failed: Count  #: how many


class Article(base.GeneratorReport, frozen=True, kw_only=True):
    """``article.json``: what the article's own client says."""

    PATH: ClassVar[str] = "article.json"

    schema: Literal["article/1"]
    spec: ArticleSpec  #: what it was asked to do
    figures: ArticleFigures  #: as the article computes them
    contains: ArticleContains  #: what they contain
    #: of every request, microseconds, from before its wait for a connection
    latencies_us: list[Count]


GENERATOR = base.Generator(loads=(ArticleLoad,), report=Article, addresses=("spec.url",))
