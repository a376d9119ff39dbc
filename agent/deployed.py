"""One subject of a trial: its database, its service, and what is observed of it.

A trial has one such subject, or several that are alive together.
"""

from __future__ import annotations

import http.client
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent import sampling, server
from agent.failure import Failure
from agent.files import utc_now
from agent.orders import Served
from agent.sampling import Sampler
from agent.service import reached
from bundle.documents.readings import Counters, Rows, Window
from workloads.databases import known
from workloads.diagnosis import answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from agent import orders
    from agent.heartbeat import Heartbeat
    from agent.service import Endpoint
    from bundle.documents.readings import DatabaseServer, TrialReadings

_SILENCE_S = 2.0  # for the service's backends to end


class Deployed:
    """One subject, stage by stage; what a stage observes is added to ``observed``.

    Attributes:
        name: of the subject; empty in a trial of one subject, which need not tell them apart.
        folder: takes what the trial leaves.
        service: the endpoint, once it was started.
        sampler: of its processes, of the database and of the load, within `watched`.
    """

    service: Endpoint
    sampler: Sampler

    def __init__(
        self, name: str, spec: orders.DeployedSpec, folder: Path, observed: TrialReadings
    ) -> None:
        self.name = name
        self.folder = folder
        self.observed = observed
        self._spec = spec
        self._database = spec.database
        self._client = known.client(spec.database.server)
        self._before: dict[str, Rows] = {}

    def server_died(self) -> Failure:
        """The failure of a trial in which the database server ended."""
        return server.died(self._database)

    @property
    def server_pid(self) -> int | None:
        """The first process of the database server; None if it is on another host."""
        return self._database.server_pid

    @property
    def processes(self) -> dict[str, int]:
        """By purpose, the first processes of service and database that run on this host."""
        known = {"service": self.service.pid, "database": self.server_pid}
        return {purpose: pid for purpose, pid in known.items() if pid is not None}

    def restore(self) -> None:
        """Make the database what its template says, and count its rows."""
        self.observed.database = self._database.name
        server.prepare(self._database)
        self._before = server.counters(self._client, self._database.name)

    @contextmanager
    def alive(self, cpus: Sequence[int] | None, heartbeat: Heartbeat) -> Iterator[None]:
        """Start the service, and end it however the block ends."""
        spec = self._spec.service
        if not isinstance(spec, Served):
            self.observed.environment = spec.environment
        with reached(spec, folder=self.folder, cpus=cpus) as self.service:
            with self.stage("start"):
                self.service.await_ready(heartbeat)
                self.observed.health = self.service.health()
                self.observed.port = self.service.port_record()
            yield

    def probe(self, requests: Sequence[answers.KnownRequest]) -> None:
        """Record the service's answers to requests whose answers are known.

        Raises:
            Failure: ``service-probe``, it gave none.
        """
        try:
            with self.stage("probe"):
                self.observed.probes = answers.ask(self.service.url, requests)
        except (OSError, http.client.HTTPException) as problem:
            raise Failure(
                "service-probe",
                f"the service did not answer before the load began: {problem!r}",
                where=self.service.url,
                hint="read its log; the trial is recorded as failed and the run goes on",
            ) from problem

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sample its processes during the block, which is the trial's window."""
        with Sampler() as self.sampler:
            for purpose, pid in self.processes.items():
                self.sampler.follow(purpose, pid)
            before = self.sampler.pss("service")
            started_ns, started = time.monotonic_ns(), utc_now()
            try:
                yield
            finally:
                self.observed.window = Window(
                    started=started, started_ns=started_ns, ended_ns=time.monotonic_ns()
                )
                self.observed.sampler = self.sampler.record()
                self.sampler.write(self.folder / "resources.csv")
            if self.service.pid is not None:
                self.observed.memory = sampling.memory(before, self.sampler)

    def look(self) -> server.Now:
        """The database server now."""
        return server.observe(self._client, self._database.name, self._database.log)

    def between(self, before: server.Now, after: server.Now) -> DatabaseServer:
        """What the database server did between two looks."""
        return server.between(self._client, before, after, self._database.log)

    def kills(self, planned: Sequence[orders.KillSpec]) -> server.Kills:
        """The faults of its database connections."""
        return server.Kills(self._client, self._database.name, planned)

    def require_answer(self) -> None:
        """Make sure that the service still answers after the window, and keep what it says.

        Raises:
            Failure: as `Endpoint.require_answer`.
        """
        self.service.require_answer()
        health = self.service.health()
        self.observed.burden = health.burden if health else None

    def stop(self) -> None:
        """Stop the service."""
        with self.stage("stop"):
            self.observed.stop = self.service.stop()

    def settle(self) -> None:
        """Count the rows again once the service's connections have closed."""
        name = self._database.name
        connected = server.await_silence(self._client, name, timeout_s=_SILENCE_S)
        after = server.counters(self._client, name)
        self.observed.counters = Counters(before=self._before, after=after, connected=connected)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Record how long the block took."""
        with stage(name, [self]):
            yield


@contextmanager
def stage(name: str, subjects: Sequence[Deployed]) -> Iterator[None]:
    """Record how long the block took, which was for all of these subjects."""
    started = time.monotonic()
    try:
        yield
    finally:
        seconds = round(time.monotonic() - started, 4)
        for each in subjects:
            each.observed.stages_s[name] = seconds
