"""Work of the kinds ``observe`` and ``serve``: one host's part in a trial that another host drives.

The agent observes what the order ``trial`` observes if everything runs on one host. The agent that
drives the load says over the `channel` when the window begins and ends.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from agent import counters, sampling, server
from agent.answers import Watching
from agent.channel import Listener
from agent.failure import Failure
from agent.files import write_json
from agent.orders import StaticSpec, folder_of
from agent.processes import Watch
from agent.sampling import Sampler, require_planned
from agent.service import Service
from bundle.documents.readings import TrialReadings
from workloads.databases import known
from workloads.load.switchback import hosts
from workloads.load.switchback.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from agent.answers import PartReadings
    from agent.channel import Caller
    from agent.heartbeat import Heartbeat
    from agent.orders import Observe, Serve, ServedSpec

_PERIOD_S = 0.1


def observe(work: Observe, folder: Path, heartbeat: Heartbeat, observed: PartReadings) -> None:
    """Watch the database server of this host until SIGTERM.

    Raises:
        Failure: the server ended, or the orchestrator is gone.
    """
    observed.trials[""] = TrialReadings()
    _Part(work, folder, heartbeat, observed, {}).hold()


def serve(work: Serve, folder: Path, heartbeat: Heartbeat, observed: PartReadings) -> None:
    """Restore the databases, start the services, watch them until SIGTERM, and stop them.

    Observed as well: health, stop, environment, and the seconds of the stages.

    Raises:
        Failure: a service could not start, or ended, or the orchestrator is gone;
            ``observed.failed`` names the subject if it was the only cause.
    """
    trials = observed.trials
    for name, spec in work.subjects.items():
        trials[name] = TrialReadings(environment=spec.service.environment)
        _restore(spec, trials[name])
    with ExitStack() as alive:
        services = {}
        for name, spec in work.subjects.items():
            own = folder / folder_of(name)
            own.mkdir(parents=True, exist_ok=True)
            service = Service(spec.service, folder=own, cpus=work.placement["service"])
            services[name] = alive.enter_context(service)
            with _at_work(name, observed):
                _await_ready(spec, service, heartbeat, trials[name])
        _Part(work, folder, heartbeat, observed, services).hold()
        for name, service in services.items():
            if trials[name].stop is None:
                trials[name].stop = service.stop()


@contextmanager
def _at_work(subject: str, observed: PartReadings) -> Iterator[None]:
    """Blame a subject for what its service fails at."""
    try:
        yield
    except Failure as failure:
        if failure.is_of_a_service:
            observed.failed = subject
        raise


def _restore(spec: ServedSpec, observed: TrialReadings) -> None:
    if spec.database and spec.database.template:
        started = time.monotonic()
        server.prepare(spec.database)
        observed.stages_s["restore"] = round(time.monotonic() - started, 4)


def _await_ready(
    spec: ServedSpec, service: Service, heartbeat: Heartbeat, observed: TrialReadings
) -> None:
    started = time.monotonic()
    service.await_ready(heartbeat)
    if not isinstance(spec.service, StaticSpec):
        observed.health = service.health()
    observed.port = service.port_record()
    observed.stages_s["start"] = round(time.monotonic() - started, 4)


class _Part:
    """This host's part: it follows the services of its subjects, and the database server."""

    def __init__(
        self,
        work: Observe,
        folder: Path,
        heartbeat: Heartbeat,
        observed: PartReadings,
        services: Mapping[str, Service],
    ) -> None:
        self._work = work
        self._folder = folder
        self._heartbeat = heartbeat
        self._observed = observed
        self._services = services
        self._pids = {name: each.pid for name, each in services.items() if each.pid is not None}
        self._samplers = {name: Sampler() for name in observed.trials}
        self._window: _Window | None = None
        self._watch = Watch()
        self._reader: tuple[Caller, Meter] | None = None

    def hold(self) -> None:
        """Write ``ready.json``, and do what the driver asks until SIGTERM."""
        with ExitStack() as held:
            held.enter_context(self._watch)
            for sampler in self._samplers.values():
                held.enter_context(sampler)
            listener = held.enter_context(Listener(self._work.listen, self._work.word))
            try:
                self._watch_processes()
                self._watch.add_socket("caller", listener.socket)
                write_json(self._folder / "ready.json", Watching(port=listener.port))
                self._answer(listener)
            except Failure as failure:
                if failure.code != "interrupted":
                    raise

    def _watch_processes(self) -> None:
        pid = self._work.server_pid
        if pid is not None:
            try:
                self._watch.add("database", pid)
            except ProcessLookupError:
                raise server.died(self._work) from None
        for name, service_pid in self._pids.items():
            try:
                self._watch.add(_watched(name), service_pid)
            except ProcessLookupError:
                self._end_by_death(name)

    def _end_by_death(self, name: str) -> NoReturn:
        with _at_work(name, self._observed):
            raise self._services[name].death()

    def _answer(self, listener: Listener) -> None:
        driver: Caller | None = None
        while driver is None:
            self._await("caller")
            driver = listener.accept()
        self._watch.drop("caller")
        self._watch.add_socket("driver", driver.socket)
        while True:
            if "reader" in self._await("driver", "reader"):
                self._read()
                continue
            asked = driver.hear()
            if asked is None:  # the driver is done
                self._watch.drop("driver")
                driver.socket.close()
                continue
            if asked == "begin":
                self._begin()
            elif asked == "end":
                self._end()
            elif asked == "stop":
                self._stop()
            driver.answer()
            if asked == "end":
                self._write()  # after the answer, which ends the driver's window
            elif asked == "reader":
                self._admit(listener)

    def _await(self, *callers: str) -> set[str]:
        """Wait until one of the callers asks something or is gone, or somebody connects."""
        names: set[str] = set()
        while not names.intersection(callers):
            names = self._watch.until_one_ends(
                deadline=self._heartbeat.deadline + 1, period_s=_PERIOD_S, tick=self._tick
            )
            if "database" in names:
                raise server.died(self._work)
            for name in self._services:
                if _watched(name) in names:
                    self._end_by_death(name)
        return names

    def _tick(self) -> None:
        self._heartbeat.check()
        if self._window:
            for sampler in self._samplers.values():
                sampler.sample()
            self._window.around.look()

    def _admit(self, listener: Listener) -> None:
        """Let the generator in, which the driver has announced."""
        self._watch.add_socket("caller", listener.socket)
        reader: Caller | None = None
        while reader is None:
            self._await("caller")
            reader = listener.accept()
        self._watch.drop("caller")
        self._reader = reader, Meter(self._pids, self._work.server_pid)
        self._watch.add_socket("reader", reader.socket)

    def _read(self) -> None:
        """Answer the generator."""
        if self._reader is None:
            raise ValueError("nobody was let in who could ask")
        reader, meter = self._reader
        try:
            questions = reader.hear_questions()
            for question in questions:
                reader.socket.sendall(hosts.answer(meter, question))
        except OSError:  # it ended without having read every answer
            questions = []
        if not questions:  # the generator is done
            self._watch.drop("reader")
            reader.socket.close()

    def _begin(self) -> None:
        for name, sampler in self._samplers.items():
            if name in self._pids:
                sampler.follow("service", self._pids[name])
            if self._work.server_pid is not None:
                sampler.follow("database", self._work.server_pid)
        pss = {name: sampler.pss("service") for name, sampler in self._samplers.items()}
        cpus = [cpu for planned in self._work.placement.values() for cpu in planned]
        around = counters.Around(cpus=cpus)
        self._window = _Window(pss, server.log_length(self._work.log), around)
        self._window.around.__enter__()
        for sampler in self._samplers.values():
            sampler.sample()

    def _end(self) -> None:
        window, self._window = self._window, None
        if window is None:
            raise ValueError("the window ends before it has begun")
        for sampler in self._samplers.values():
            sampler.sample()
        window.around.__exit__()
        self._observed.kernel = window.around.record
        log = self._work.log
        log_bytes = server.log_length(log)
        self._observed.log = server.log_between(
            known.client(self._work.server), log, window.log_bytes, log_bytes
        )
        for name in self._services:
            memory = sampling.memory(window.pss[name], self._samplers[name])
            self._observed.trials[name].memory = memory

    def _stop(self) -> None:
        for name, service in self._services.items():
            self._watch.drop(_watched(name))
            with _at_work(name, self._observed):
                service.require_own()
            self._observed.trials[name].stop = service.stop()

    def _write(self) -> None:
        """Write the samples of the window."""
        for name, sampler in self._samplers.items():
            sampler.write(self._folder / folder_of(name) / "resources.csv")
            observed = self._observed.trials[name]
            observed.sampler = sampler.record()
            require_planned(sampler, self._work.placement, observed)


def _watched(subject: str) -> str:
    return f"service {subject}"


class _Window(NamedTuple):
    """The readings at the beginning of the window, and the length of the server's log."""

    pss: Mapping[str, sampling.Pss]
    log_bytes: int | None
    around: counters.Around
