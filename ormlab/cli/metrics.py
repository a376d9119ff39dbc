"""The progress of a run as metrics over HTTP, for as long as the run lasts.

One thread answers one request at a time, on the CPUs that the orchestrator keeps to. What it
answers grows with the plan and with nothing else: series have labels of subject, workload and load.
"""

from __future__ import annotations

import io
import time
from collections import Counter
from contextlib import contextmanager
from socketserver import TCPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ormlab.base.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

    from analysis.figures import Figures
    from ormlab.cli.options import ListenAddress
    from ormlab.run.progress import Progress, TrialNews

_PATIENCE_S: Final = 2.0  # for a client that sends or takes nothing
_OF_TRIAL: Final = ("subject", "workload", "load")
_POLL_S: Final = 0.2  # after which the thread notices that the run has ended


@contextmanager
def served(address: ListenAddress, progress: Progress) -> Iterator[Progress]:
    """Serve the news of a run as metrics until the block ends.

    Yields:
        The reporter that takes the news, and hands them on to ``progress``.

    Raises:
        UsageError: the address cannot be had.
    """
    exposed, registry = _Exposed(progress), CollectorRegistry()
    registry.register(exposed)
    try:
        server = make_server(*address, make_wsgi_app(registry), _Server, handler_class=_Handler)
    except OSError as error:
        raise UsageError(
            "metrics-address",
            f"metrics cannot be served there: {error.strerror or error}",
            where=f"{address.host}:{address.port}",
            hint="choose another port with --metrics, or 0 for one that is free",
        ) from error
    over = Event()
    thread = Thread(target=_serve, args=(server, over), name="metrics", daemon=True)
    with server:
        thread.start()
        progress.note(f"metrics: http://{address.host}:{server.server_port}/metrics")
        try:
            yield exposed
        finally:
            over.set()
            # No client can keep a run from ending.
            thread.join(_PATIENCE_S + _POLL_S)


def _serve(server: WSGIServer, over: Event) -> None:
    server.timeout = _POLL_S
    while not over.is_set():
        server.handle_request()


class _Server(WSGIServer):
    """It asks no name server for its own name, and keeps the faults of clients to itself."""

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client went away, or spoke no HTTP."""


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def log_message(self, *_: object) -> None:
        """Say nothing: standard error belongs to the news of the run."""

    def get_stderr(self) -> io.StringIO:
        """Take what went wrong with a client, which nobody reads."""
        return io.StringIO()


class _Exposed(Collector):
    """A reporter that keeps the news, and tells them as metrics; what is not known has no sample.

    The server's thread reads while the run's thread writes, so what is read is copied first.
    """

    def __init__(self, onward: Progress) -> None:
        self._onward = onward
        self._stage: tuple[str, float] | None = None
        self._warnings = 0
        self._last: TrialNews | None = None
        self._ended: Counter[tuple[str, ...]] = Counter()
        self._figures: dict[tuple[str, ...], Figures] = {}

    def stage(self, what: str) -> None:
        self._stage = what, time.time()
        self._onward.stage(what)

    def warn(self, what: str) -> None:
        self._warnings += 1
        self._onward.warn(what)

    def note(self, what: str) -> None:
        self._onward.note(what)

    def trial(self, news: TrialNews) -> None:
        of_trial = (news.trial.subject, news.trial.workload, news.trial.load)
        self._last = news
        self._ended[*of_trial, news.status] += 1
        if news.figures:
            self._figures[of_trial] = news.figures
        self._onward.trial(news)

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily("ormlab_live_warnings", "warnings so far", value=self._warnings)
        if stage := self._stage:
            name, what = "ormlab_live_stage_started_timestamp", "when the stage began"
            yield _gauge(name, what, {stage[:1]: stage[1]}, ("stage",), unit="seconds")
        if news := self._last:
            yield _gauge("ormlab_live_trials_planned", "planned trials", {(): news.total})
            what = "expected time until the last trial ends"
            yield _gauge("ormlab_live_remaining", what, {(): news.eta_s}, unit="seconds")
        ended = CounterMetricFamily(
            "ormlab_live_trials_ended", "trials that ended, by how", labels=(*_OF_TRIAL, "status")
        )
        for labels, count in dict(self._ended).items():
            ended.add_metric(labels, count)
        yield ended
        figures = dict(self._figures)
        rates = {labels: each.throughput for labels, each in figures.items()}
        name, what = "ormlab_live_throughput", "answers per second of the last trial"
        yield _gauge(name, what, rates, _OF_TRIAL, unit="requests_per_second")
        p50_s = {
            labels: p50 / 1000
            for labels, each in figures.items()
            if (p50 := each.latency_ms.get("p50")) is not None
        }
        what = "median latency of the last trial"
        yield _gauge("ormlab_live_p50", what, p50_s, _OF_TRIAL, unit="seconds")


def _gauge(
    name: str,
    what: str,
    values: Mapping[tuple[str, ...], float],
    labels: tuple[str, ...] = (),
    *,
    unit: str = "",
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=labels, unit=unit)
    for of, value in values.items():
        family.add_metric(of, value)
    return family
