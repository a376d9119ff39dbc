"""Work of the kinds ``observe`` and ``serve``: one host's part in a trial that another host drives.

The agent observes what the order ``trial`` observes if everything runs on one host. The agent that
drives the load says over the `channel` when the window begins and ends.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from agent import counters, sampling, server
from agent.answers import Watching
from agent.channel import Listener
from agent.failure import Failure
from agent.files import write_json
from agent.orders import ServiceSpec
from agent.processes import Watch
from agent.sampling import Sampler, require_planned
from agent.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.answers import PartReadings
    from agent.channel import Driver
    from agent.heartbeat import Heartbeat
    from agent.orders import Observe, Serve
    from bundle.documents.readings import Stop

_PERIOD_S = 0.1


def observe(work: Observe, folder: Path, heartbeat: Heartbeat, observed: PartReadings) -> None:
    """Watch the database server of this host until SIGTERM.

    Raises:
        Failure: the server ended, or the orchestrator is gone.
    """
    _Part(work, folder, heartbeat, observed).hold()


def serve(work: Serve, folder: Path, heartbeat: Heartbeat, observed: PartReadings) -> None:
    """Restore the database, start the service, watch it until SIGTERM, and stop it.

    Observed as well: health, stop, environment, and the seconds of the stages.

    Raises:
        Failure: the service could not start, or ended, or the orchestrator is gone.
    """
    stages, spec = observed.stages_s, work.service
    started = time.monotonic()
    if work.database and work.database.template:
        server.prepare(work.database)
        stages["restore"] = round(time.monotonic() - started, 4)
    observed.environment = spec.environment
    started = time.monotonic()
    with Service(spec, folder=folder, cpus=work.placement["service"]) as service:
        service.await_ready(heartbeat)
        if isinstance(spec, ServiceSpec):
            observed.health = service.health()
        observed.port = service.port_record()
        stages["start"] = round(time.monotonic() - started, 4)
        part = _Part(work, folder, heartbeat, observed)
        part.follow("service", service.pid, service.death)

        def stop() -> Stop:
            service.require_own()
            return service.stop()

        part.hold(stop=stop)
        if observed.stop is None:
            observed.stop = service.stop()


class _Part:
    def __init__(
        self, work: Observe, folder: Path, heartbeat: Heartbeat, observed: PartReadings
    ) -> None:
        self._work = work
        self._folder = folder
        self._heartbeat = heartbeat
        self._observed = observed
        self._followed: dict[str, int] = {}
        self._deaths: dict[str, Callable[[], Failure]] = {}
        self._stop: Callable[[], Stop] | None = None
        self._sampler = Sampler()
        self._window: _Window | None = None
        self.follow("database", work.server_pid, partial(server.died, work.server_pid))

    def follow(self, purpose: str, pid: int | None, death: Callable[[], Failure]) -> None:
        """Sample a process if it is on this host; ``death`` makes the failure of its early end."""
        if pid is not None:
            self._followed[purpose] = pid
            self._deaths[purpose] = death

    def hold(self, *, stop: Callable[[], Stop] | None = None) -> None:
        """Write ``ready.json``, and do what the driver asks until SIGTERM; ``stop`` the service."""
        self._stop = stop
        listener = Listener(self._work.listen, self._work.word)
        with Watch() as watch, self._sampler, listener:
            try:
                for purpose, pid in self._followed.items():
                    self._watch(watch, purpose, pid)
                watch.add_socket("driver", listener.socket)
                write_json(self._folder / "ready.json", Watching(port=listener.port))
                self._answer(watch, listener)
            except Failure as failure:
                if failure.code != "interrupted":
                    raise

    def _watch(self, watch: Watch, purpose: str, pid: int) -> None:
        try:
            watch.add(purpose, pid)
        except ProcessLookupError:
            raise self._death(purpose) from None

    def _death(self, purpose: str) -> Failure:
        return self._deaths[purpose]()

    def _answer(self, watch: Watch, listener: Listener) -> None:
        driver: Driver | None = None
        while driver is None:
            self._await_driver(watch)
            driver = listener.accept()
        watch.drop("driver")
        watch.add_socket("driver", driver.socket)
        while True:
            self._await_driver(watch)
            asked = driver.hear()
            if asked is None:  # the driver is done
                watch.drop("driver")
                driver.socket.close()
                continue
            if asked == "begin":
                self._begin()
            elif asked == "end":
                self._end()
            elif asked == "stop" and self._stop:
                watch.drop("service")
                self._observed.stop = self._stop()
            driver.answer()
            if asked == "end":
                self._write()  # after the answer, which ends the driver's window

    def _await_driver(self, watch: Watch) -> None:
        """Wait until the driver asks something or is gone, or a caller connects."""
        names: set[str] = set()
        while "driver" not in names:
            names = watch.until_one_ends(
                deadline=self._heartbeat.deadline + 1, period_s=_PERIOD_S, tick=self._tick
            )
            for purpose in self._followed.keys() & names:
                raise self._death(purpose)

    def _tick(self) -> None:
        self._heartbeat.check()
        if self._window:
            self._sampler.sample()

    def _begin(self) -> None:
        for purpose, pid in self._followed.items():
            self._sampler.follow(purpose, pid)
        pss, log_bytes = self._sampler.pss("service"), server.log_length(self._work.log)
        self._window = _Window(pss, log_bytes, counters.Around())
        self._window.around.__enter__()
        self._sampler.sample()

    def _end(self) -> None:
        window, self._window = self._window, None
        if window is None:
            raise ValueError("the window ends before it has begun")
        self._sampler.sample()
        window.around.__exit__()
        self._observed.kernel = window.around.record
        log = self._work.log
        log_bytes = server.log_length(log)
        self._observed.log = server.log_between(log, window.log_bytes, log_bytes)
        if "service" in self._followed:
            self._observed.memory = sampling.memory(window.pss, self._sampler.pss("service"))

    def _write(self) -> None:
        """Write the samples of the window."""
        self._sampler.write(self._folder / "resources.csv")
        self._observed.sampler = self._sampler.record()
        require_planned(self._sampler, self._work.placement, self._observed)


class _Window(NamedTuple):
    """The readings at the beginning of the window, and the length of the server's log."""

    pss: sampling.Pss
    log_bytes: int | None
    around: counters.Around
