"""Work of the kinds ``trial`` and ``side-by-side``: subjects under one load, measured once.

Each service is a fresh process. The agent observes and records; it judges only whether it could
carry out the trial.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec

from agent import counters, generators, orders, server
from agent.channel import Remote
from agent.deployed import Deployed, stage
from agent.failure import Failure, last_logged
from agent.processes import SHIPPED, Watch, spawn, stop
from agent.sampling import Sampler, require_planned
from agent.service import Service
from bundle.documents import failure as documents
from bundle.documents.readings import Host, TrialReadings

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agent.answers import SideReadings
    from agent.generators import Command
    from agent.heartbeat import Heartbeat
    from bundle.generators.slices import Role

_SAMPLING_PERIOD_S = 0.1
_AFFINITY_ROUND = 6  # early in the window, once the generator's own processes are known
_PATIENCE_S = 20.0  # beyond the planned duration, before a generator counts as hung


def carry_out(
    work: orders.RunTrial, folder: Path, heartbeat: Heartbeat, observed: TrialReadings
) -> None:
    """Restore, start, warm up, measure, stop; every stage adds to ``observed``.

    The agents of other hosts restore, start, watch and stop what runs there (`agent.observe`); this
    agent drives the load, and tells them when the window begins and ends.

    Raises:
        Failure: the agent could not carry out the trial; the observations until then stay.
    """
    only = orders.DeployedSpec(service=work.service, database=work.database)
    _Trial(work, folder, heartbeat, [Deployed("", only, folder, observed)]).run()


def carry_out_side_by_side(
    work: orders.RunSideBySide, folder: Path, heartbeat: Heartbeat, observed: SideReadings
) -> None:
    """As `carry_out`, of several subjects whose services are alive together.

    Raises:
        Failure: one of the trials could not be carried out, so none counts; ``observed.failed``
            names the subject if it was the only cause.
    """
    subjects = []
    for name, spec in work.subjects.items():
        observed.trials[name] = TrialReadings()
        own = folder / orders.folder_of(name)
        own.mkdir(parents=True)
        subjects.append(Deployed(name, spec, own, observed.trials[name]))
    trial = _Trial(work, folder, heartbeat, subjects)
    try:
        trial.run()
    except Failure as failure:
        if failure.is_of_a_service:
            observed.failed = trial.failed
        raise


class _Trial:
    """One load on its subjects.

    Attributes:
        failed: name of the subject that was at work, or ended, when a failure was raised.
    """

    def __init__(
        self,
        work: orders.RunTrial | orders.RunSideBySide,
        folder: Path,
        heartbeat: Heartbeat,
        subjects: Sequence[Deployed],
    ) -> None:
        self.failed: str | None = None
        self._work = work
        self._folder = folder
        self._heartbeat = heartbeat
        self._subjects = subjects
        self._remotes: list[Remote] = []
        self._readers: dict[Role, int] = {}

    def run(self) -> None:
        """Carry out the stages in order."""
        with ExitStack() as connected:
            for spec in self._work.remotes:
                self._remotes.append(connected.enter_context(Remote(spec)))
            if self._work.load.load.side_by_side:
                self._readers = {
                    remote.role: connected.enter_context(remote.reader()).fileno()
                    for remote in self._remotes
                }
            if self._remotes:
                for each in self._subjects:
                    each.observed.clocks = {remote.role: remote.clock for remote in self._remotes}
            self._run()

    def _run(self) -> None:
        cpus = self._work.placement.get("service")
        with stage("restore", self._subjects):
            for each in self._each():
                each.restore()
        with ExitStack() as alive:
            for each in self._each():
                alive.enter_context(each.alive(cpus, self._heartbeat))
            for each in self._each():
                each.probe(self._work.probes)
            load = generators.commands([self._target(each) for each in self._subjects])
            with stage("warmup", self._subjects), Sampler() as unused:
                if load.warmup:
                    self._drive(load.warmup, [unused])
            with stage("window", self._subjects):
                self._measure(load.measured)
                for each in self._each():
                    each.require_answer()
            for each in self._each():
                each.stop()
            for remote in self._remotes:
                remote.ask("stop")
        for each in self._each():
            each.settle()

    def _each(self) -> Iterator[Deployed]:
        """The subjects in turn: a failure is the fault of the one that is at work."""
        for each in self._subjects:
            self.failed = each.name
            yield each
        self.failed = None

    def _target(self, each: Deployed) -> generators.Target:
        return generators.Target(
            each.name,
            each.service,
            self._work.load,
            self._folder,
            each.folder,
            self._work.placement["load"],
            each.server_pid,
            self._readers,
        )

    def _measure(self, command: Command) -> None:
        with ExitStack() as watched:
            for each in self._subjects:
                watched.enter_context(each.watched())
            kills = self._subjects[0].kills(self._work.kills)
            try:
                with self._host_observed() as around:
                    samplers = [each.sampler for each in self._subjects]
                    self._drive(command, samplers, kills, around)
                    kills.require_all()
            finally:
                self._subjects[0].observed.kills = kills.record or None

    @contextmanager
    def _host_observed(self) -> Iterator[counters.Around]:
        """Record the counts of kernel and database server just before and after the window."""
        cpus = [cpu for planned in self._work.placement.values() for cpu in planned]
        before, around = [each.look() for each in self._subjects], counters.Around(cpus=cpus)
        for remote in self._remotes:
            remote.ask("begin")
        try:
            with around:
                yield around
            for remote in self._remotes:
                remote.ask("end")
        finally:
            for each, then in zip(self._subjects, before, strict=True):
                database = each.between(then, each.look())
                each.observed.host = Host(kernel=around.record, database=database)

    def _drive(
        self,
        command: Command,
        samplers: Sequence[Sampler],
        kills: server.Kills | None = None,
        around: counters.Around | None = None,
    ) -> None:
        """Run a generator to its end while services and database live.

        Raises:
            Failure: one of them ended wrongly.
        """
        process = self._spawn(command)
        for sampler in samplers:
            sampler.follow("load", process.pid)
        deadline = time.monotonic() + command.duration_s + _PATIENCE_S
        try:
            with Watch() as watch:
                watch.add("load", process.pid)
                for name, pid in self._watched().items():
                    watch.add(name, pid)
                for remote in self._remotes:
                    watch.add_socket(remote.role, remote.socket)
                ended = watch.until_one_ends(
                    deadline=deadline,
                    period_s=_SAMPLING_PERIOD_S,
                    tick=self._ticker(samplers, kills, around),
                )
                for sampler in samplers:
                    sampler.sample()
                self._require_planned(samplers)
        except ProcessLookupError:
            raise self._subjects[0].server_died() from None
        finally:
            stop(process, timeout_s=0.5)
        self._judge_end(ended, process, command)

    def _watched(self) -> dict[str, int]:
        """The first processes of the database and of every service, by a name for each."""
        found = {}
        for each in self._subjects:
            for purpose, pid in each.processes.items():
                found[f"database {pid}" if purpose == "database" else f"service {each.name}"] = pid
        return found

    def _require_planned(self, samplers: Sequence[Sampler]) -> None:
        for each, sampler in zip(self._subjects, samplers, strict=False):  # one while warming up
            require_planned(sampler, self._work.placement, each.observed)

    def _require_alive(self, ended: set[str]) -> None:
        """Make sure that no server and no service has ended; a server's end explains a service's.

        Raises:
            Failure: one has.
        """
        for each in self._subjects:
            if f"database {each.server_pid}" in ended:
                raise each.server_died()
        for each in self._subjects:
            if f"service {each.name}" in ended and isinstance(each.service, Service):
                self.failed = each.name
                raise each.service.death()

    def _judge_end(
        self,
        ended: set[str],
        process: subprocess.Popen[bytes],
        command: Command,
    ) -> None:
        for remote in self._remotes:
            if remote.role in ended:
                raise remote.lost()
        self._require_alive(ended)
        if "load" not in ended:
            raise Failure(
                "generator-hung",
                f"{command.name} did not end within {command.duration_s + _PATIENCE_S:g} s",
                where=str(command.log),
                hint="the trial is recorded as failed; see the service's log for a hang",
            )
        if process.returncode != 0:
            failure = _generator_failed(command, process.returncode)
            self.failed = self._served_at(failure.where)
            raise failure
        for path in command.outputs:
            if not path.exists() or path.stat().st_size == 0:
                raise Failure(
                    "generator-silent",
                    f"{command.name} ended with 0 but left no {path.name}",
                    where=str(path),
                    hint="its exit code proves nothing; the trial is recorded as failed",
                )

    def _served_at(self, where: str | None) -> str | None:
        """The subject whose address a generator's failure names; None if it names none."""
        addresses = {
            f"{each.service.host}:{each.service.port}": each.name for each in self._subjects
        }
        return addresses.get((where or "").rpartition(" ")[2])

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
                descriptors=command.descriptors,
            )
        except FileNotFoundError:
            raise Failure(
                "generator-missing",
                f"{command.argv[0]} is not installed",
                where=command.argv[0],
                hint=f"{self._work.load.load.installed_by}; "
                "`--omit-missing-generators` runs without it",
            ) from None

    def _ticker(
        self,
        samplers: Sequence[Sampler],
        kills: server.Kills | None,
        around: counters.Around | None,
    ) -> Callable[[], None]:
        rounds = 0

        def tick() -> None:
            nonlocal rounds
            rounds += 1
            for sampler in samplers:
                sampler.sample()
            if around:
                around.look()
            self._heartbeat.check()
            if kills:
                kills.do_what_is_due()
            if rounds == _AFFINITY_ROUND:
                self._require_planned(samplers)

        return tick


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
