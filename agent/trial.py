"""Work of the kind ``trial``: one subject under one load, in a fresh process, measured once.

The agent observes and records; it judges only whether it could carry out the trial.
"""

from __future__ import annotations

import http.client
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from agent import counters, generators, sampling, server
from agent.channel import Remote
from agent.failure import Failure, last_logged
from agent.files import utc_now
from agent.orders import Served
from agent.processes import SHIPPED, Watch, spawn, stop
from agent.sampling import Sampler, require_planned
from agent.service import Service, reached
from bundle.documents import failure as documents
from bundle.documents.readings import Counters, Host, Window
from workloads.diagnosis import answers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from agent.generators import Command
    from agent.heartbeat import Heartbeat
    from agent.orders import RunTrial
    from agent.service import Endpoint
    from bundle.documents.readings import TrialReadings

_SAMPLING_PERIOD_S = 0.1
_AFFINITY_ROUND = 6  # early in the window, once the generator's own processes are known
_SILENCE_S = 2.0  # for the service's backends to end
_PATIENCE_S = 20.0  # beyond the planned duration, before a generator counts as hung


def carry_out(work: RunTrial, folder: Path, heartbeat: Heartbeat, observed: TrialReadings) -> None:
    """Restore, start, warm up, measure, stop; every stage adds to ``observed``.

    The agents of other hosts restore, start, watch and stop what runs there (`agent.observe`); this
    agent drives the load, and tells them when the window begins and ends.

    Raises:
        Failure: the agent could not carry out the trial; the observations until then stay.
    """
    _Trial(work, folder, heartbeat, observed).run()


class _Trial:
    def __init__(
        self, work: RunTrial, folder: Path, heartbeat: Heartbeat, observed: TrialReadings
    ) -> None:
        self._work = work
        self._folder = folder
        self._heartbeat = heartbeat
        self._observed = observed
        self._database = work.database
        self._psql = work.database.psql
        self._remotes: list[Remote] = []

    def run(self) -> None:
        """Carry out the stages in order."""
        with ExitStack() as connected:
            for spec in self._work.remotes:
                self._remotes.append(connected.enter_context(Remote(spec)))
            if self._remotes:
                self._observed.clocks = {remote.role: remote.clock for remote in self._remotes}
            self._run()

    def _run(self) -> None:
        spec, cpus = self._work.service, self._work.placement.get("service")
        with self._stage("restore"):
            server.prepare(self._database)
            before = server.counters(self._psql, self._database.name)
        if not isinstance(spec, Served):
            self._observed.environment = spec.environment
        with reached(spec, folder=self._folder, cpus=cpus) as service:
            with self._stage("start"):
                service.await_ready(self._heartbeat)
                self._observed.health = service.health()
                self._observed.port = service.port_record()
            with self._stage("probe"):
                self._probe(service)
            load = generators.commands(
                generators.Target(
                    service, self._work.load, self._folder, self._work.placement["load"]
                )
            )
            with self._stage("warmup"), Sampler() as unused:
                if load.warmup:
                    self._drive(load.warmup, service, unused)
            with self._stage("window"):
                self._measure(load.measured, service)
                service.require_answer()
                self._observed.burden = service.health().burden
            with self._stage("stop"):
                self._observed.stop = service.stop()
                for remote in self._remotes:
                    remote.ask("stop")
        connected = server.await_silence(self._psql, self._database.name, timeout_s=_SILENCE_S)
        after = server.counters(self._psql, self._database.name)
        self._observed.counters = Counters(before=before, after=after, connected=connected)

    def _probe(self, service: Endpoint) -> None:
        """Record the service's answers to requests whose answers are known."""
        try:
            self._observed.probes = answers.ask(service.url, self._work.probes)
        except (OSError, http.client.HTTPException) as problem:
            raise Failure(
                "service-probe",
                f"the service did not answer before the load began: {problem!r}",
                where=service.url,
                hint="read its log; the trial is recorded as failed and the run goes on",
            ) from problem

    def _measure(self, command: Command, service: Endpoint) -> None:
        with Sampler() as sampler:
            for purpose, pid in self._processes(service):
                sampler.follow(purpose, pid)
            before = sampler.pss("service")
            kills = server.Kills(self._psql, self._database.name, self._work.kills)
            started_ns, started = time.monotonic_ns(), utc_now()
            try:
                with self._host_observed():
                    self._drive(command, service, sampler, kills)
                    kills.require_all()
            finally:
                self._observed.kills = kills.record or None
                self._observed.window = Window(
                    started=started, started_ns=started_ns, ended_ns=time.monotonic_ns()
                )
                self._observed.sampler = sampler.record()
                sampler.write(self._folder / "resources.csv")
            if service.pid is not None:
                self._observed.memory = sampling.memory(before, sampler.pss("service"))

    def _processes(self, service: Endpoint) -> Iterable[tuple[str, int]]:
        """The first process of service and database, if they run on this host."""
        known = {"service": service.pid, "database": self._database.server_pid}
        return [(purpose, pid) for purpose, pid in known.items() if pid is not None]

    @contextmanager
    def _host_observed(self) -> Iterator[None]:
        """Record the counts of kernel and database server just before and after the window."""
        log = self._database.log
        ask = partial(server.observe, self._psql, self._database.name, log)
        before, around = ask(), counters.Around()
        for remote in self._remotes:
            remote.ask("begin")
        try:
            with around:
                yield
            for remote in self._remotes:
                remote.ask("end")
        finally:
            database = server.between(before, ask(), log)
            self._observed.host = Host(kernel=around.record, database=database)

    def _drive(
        self,
        command: Command,
        service: Endpoint,
        sampler: Sampler,
        kills: server.Kills | None = None,
    ) -> None:
        """Run a generator to its end while service and database live.

        Raises:
            Failure: one of the three ended wrongly.
        """
        process = self._spawn(command)
        sampler.follow("load", process.pid)
        deadline = time.monotonic() + command.duration_s + _PATIENCE_S
        try:
            with Watch() as watch:
                watch.add("load", process.pid)
                for purpose, pid in self._processes(service):
                    watch.add(purpose, pid)
                for remote in self._remotes:
                    watch.add_socket(remote.role, remote.socket)
                ended = watch.until_one_ends(
                    deadline=deadline,
                    period_s=_SAMPLING_PERIOD_S,
                    tick=self._ticker(sampler, kills),
                )
                sampler.sample()
                require_planned(sampler, self._work.placement, self._observed)
        except ProcessLookupError:
            raise server.died(self._database.server_pid) from None
        finally:
            stop(process, timeout_s=0.5)
        self._judge_end(ended, process, command, service)

    def _judge_end(
        self,
        ended: set[str],
        process: subprocess.Popen[bytes],
        command: Command,
        service: Endpoint,
    ) -> None:
        for remote in self._remotes:
            if remote.role in ended:
                raise remote.lost()
        if "database" in ended:
            raise server.died(self._database.server_pid)
        if "service" in ended and isinstance(service, Service):
            raise service.death()
        if "load" not in ended:
            raise Failure(
                "generator-hung",
                f"{command.name} did not end within {command.duration_s + _PATIENCE_S:g} s",
                where=str(command.log),
                hint="the trial is recorded as failed; see the service's log for a hang",
            )
        if process.returncode != 0:
            raise _generator_failed(command, process.returncode)
        for path in command.outputs:
            if not path.exists() or path.stat().st_size == 0:
                raise Failure(
                    "generator-silent",
                    f"{command.name} ended with 0 but left no {path.name}",
                    where=str(path),
                    hint="its exit code proves nothing; the trial is recorded as failed",
                )

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        try:
            return spawn(
                command.argv,
                program="generator",
                env=SHIPPED,
                log=command.log,
                stdout=command.stdout,
                cpus=self._work.placement["load"],
                cwd=self._folder,
            )
        except FileNotFoundError:
            raise Failure(
                "generator-missing",
                f"{command.argv[0]} is not installed",
                where=command.argv[0],
                hint=f"{self._work.load.load.installed_by}; "
                "`--omit-missing-generators` runs without it",
            ) from None

    def _ticker(self, sampler: Sampler, kills: server.Kills | None) -> Callable[[], None]:
        rounds = 0

        def tick() -> None:
            nonlocal rounds
            rounds += 1
            sampler.sample()
            self._heartbeat.check()
            if kills:
                kills.do_what_is_due()
            if rounds == _AFFINITY_ROUND:
                require_planned(sampler, self._work.placement, self._observed)

        return tick

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._observed.stages_s[name] = round(time.monotonic() - started, 4)


def _generator_failed(command: Command, status: int) -> Failure:
    line = last_logged(command.log)
    try:
        failure = msgspec.json.decode(line, type=documents.Failure)
        return Failure(failure.code, failure.what, where=failure.where, hint=failure.hint)
    except ValueError:
        return Failure(
            "generator-failed",
            f"{command.name} ended with {status}: {line}",
            where=str(command.log),
            hint="see that log; the trial is recorded as failed",
        )
