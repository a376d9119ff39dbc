"""The orders ``observe`` and ``serve``: one host's part in a trial that is driven from another.

Observed of it is what the order ``trial`` observes where everything runs on one host. The agent
that drives the load says over the `channel` when the window begins and when it has ended.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from agent import evidence, sampling, server
from agent.channel import Driver, Listener
from agent.failure import Failure
from agent.orders import write_json
from agent.pinning import require_planned
from agent.processes import Watch
from agent.sampling import Sampler
from agent.service import Service
from workloads.psql import Psql

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.orders import Heartbeat, Order

_PERIOD_S = 0.1


def observe(order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
    """Watch the database server of this host until SIGTERM.

    Raises:
        Failure: it ended, or the orchestrator is gone.
    """
    _Part(order, heartbeat, observed).hold({})


def serve(order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
    """Restore the database, start the service, watch it until SIGTERM, and stop it.

    Observed beside what is watched: health, stop, environment, and the seconds of the stages.

    Raises:
        Failure: it could not start, it ended, or the orchestrator is gone.
    """
    body, stages = order.body, observed.setdefault("stages_s", {})
    database, spec = body["database"], body["service"]
    started = time.monotonic()
    if database and database["template"]:
        psql = Psql(**database["psql"])
        server.require_own(psql, database["identity"])
        server.restore(psql, database["template"], database["name"])
        stages["restore"] = round(time.monotonic() - started, 4)
    observed["environment"] = spec.get("environment")
    started = time.monotonic()
    with Service(
        spec, folder=order.folder, cpus=body["placement"]["service"], module=body["module"]
    ) as service:
        service.await_ready(heartbeat)
        observed |= {"health": service.health, "port": service.port_record()}
        stages["start"] = round(time.monotonic() - started, 4)
        part = _Part(order, heartbeat, observed)
        part.follow("service", service.pid, service.death)

        def stop() -> dict[str, Any] | None:
            service.require_own()
            return service.stop()

        part.hold({"health": service.health}, stop=stop)
        if "stop" not in observed:
            observed["stop"] = service.stop()


class _Part:
    """What this host sees of a trial."""

    def __init__(self, order: Order, heartbeat: Heartbeat, observed: dict[str, Any]) -> None:
        self._order = order
        self._heartbeat = heartbeat
        self._observed = observed
        self._planned: dict[str, list[int]] = order.body["placement"]
        self._log: str | None = order.body.get("log")
        self._followed: dict[str, int] = {}
        self._deaths: dict[str, Callable[[], Failure]] = {}
        self._stop: Callable[[], object] | None = None
        self._sampler = Sampler()
        self._around: evidence.Around | None = None
        self._log_began: int | None = None
        self._pss_before = sampling.NOT_LOOKED_AT
        pid = order.body.get("server_pid")
        self.follow("database", pid, partial(server.died, pid))

    def follow(self, purpose: str, pid: int | None, death: Callable[[], Failure]) -> None:
        """Sample a process, if it is on this host; its end before time is that failure."""
        if pid is not None:
            self._followed[purpose] = pid
            self._deaths[purpose] = death

    def hold(self, ready: Mapping[str, Any], *, stop: Callable[[], object] | None = None) -> None:
        """Say in ``ready.json`` that it watches, and do what the driver asks, until SIGTERM.

        Args:
            ready: what else stands there.
            stop: ends the service, when the driver asks for that.
        """
        body, self._stop = self._order.body, stop
        with Watch() as watch, self._sampler, Listener(body["listen"], body["word"]) as listener:
            try:
                for purpose, pid in self._followed.items():
                    self._watch(watch, purpose, pid)
                watch.add_socket("driver", listener.socket)
                write_json(self._order.folder / "ready.json", {**ready, "port": listener.port})
                self._answer(watch, listener)
            except Failure as told:
                if told.code != "interrupted":
                    raise

    def _watch(self, watch: Watch, purpose: str, pid: int) -> None:
        try:
            watch.add(purpose, pid)
        except ProcessLookupError:
            died = self._deaths[purpose]()
            raise died from None

    def _answer(self, watch: Watch, listener: Listener) -> None:
        driver: Driver | None = None
        while True:
            spoke = watch.until_one_ends(
                deadline=self._heartbeat.deadline + 1, period_s=_PERIOD_S, tick=self._tick
            )
            for purpose in self._followed.keys() & spoke:
                died = self._deaths[purpose]()
                raise died
            if "driver" not in spoke:
                continue
            if driver is None:
                driver = listener.accept()
                if driver:
                    watch.drop("driver")
                    watch.add_socket("driver", driver.socket)
                continue
            asked = driver.hear()
            if asked is None:  # it has what it wants
                watch.drop("driver")
                driver.socket.close()
                continue
            self._do(asked, watch)
            driver.answer({"now_ns": time.monotonic_ns()})
            if asked == "end":
                self._write()  # the driver's window lasts until it has its answer

    def _do(self, asked: str, watch: Watch) -> None:
        """Do what the driver asks for."""
        if asked == "begin":
            self._begin()
        elif asked == "end":
            self._end()
        elif asked == "stop" and self._stop:
            watch.drop("service")
            self._observed["stop"] = self._stop()

    def _tick(self) -> None:
        self._heartbeat.check()
        if self._around:
            self._sampler.sample()

    def _begin(self) -> None:
        for purpose, pid in self._followed.items():
            self._sampler.follow(purpose, pid)
        self._pss_before = self._sampler.pss("service")
        self._log_began = server.log_length(self._log)
        self._around = evidence.Around()
        self._around.__enter__()
        self._sampler.sample()

    def _end(self) -> None:
        around, self._around = self._around, None
        if around is None:
            raise ValueError("the window ends before it has begun")
        self._sampler.sample()
        around.__exit__()
        log_ended = server.log_length(self._log)
        self._observed |= {
            "kernel": around.record,
            "log": server.log_between(self._log, self._log_began, log_ended),
            "memory": sampling.memory(self._pss_before, self._sampler.pss("service")),
        }

    def _write(self) -> None:
        """Write what was sampled in the window."""
        self._sampler.write(self._order.folder / "resources.csv")
        self._observed["sampler"] = self._sampler.record()
        require_planned(self._sampler, self._planned, self._observed)
