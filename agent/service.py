"""The service that a trial drives: this agent starts it, or another host serves it.

The agent believes an answer at its address only if it has the nonce that was drawn for the service.
An application shows no nonce: where the agent starts it, its processes must hold the port alone.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
import psutil

from agent import application, ports, processes
from agent.failure import Failure, last_logged
from agent.files import write_json
from agent.orders import ApplicationSpec, Served
from bundle.documents.readings import Health, Port, Stop
from workloads.load.requests import bracketed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.heartbeat import Heartbeat
    from agent.orders import Deployable, StaticSpec

_POLL_S = 0.01


class _Known(msgspec.Struct, frozen=True):
    """The fields of an answer to /health that identify a service."""

    nonce: str | None = None
    pid: int | None = None


class Endpoint:
    """A service that another host's agent has started and found ready.

    Attributes:
        host, port: where it serves.
        pid: of its first process; None if that is on another host.
        nonce: the lab gave it to this service alone, which shows it on /health; None for an
            application.
    """

    def __init__(self, host: str, port: int, nonce: str | None, health: str = "/health") -> None:
        self.host = host
        self.port = port
        self.nonce = nonce
        self._health = health
        self.pid: int | None = None
        self._last = b""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{bracketed(self.host)}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """No-op: the agent on the service's own host ends it."""

    def await_ready(self, heartbeat: Heartbeat) -> None:
        """Make sure that this host reaches it.

        Raises:
            Failure: ``service-unreachable`` or ``service-foreign``.
        """
        heartbeat.check()
        if not self._answers():
            raise Failure(
                "service-unreachable",
                "the service answers on its own host, but not to this one",
                where=self.url,
                hint="see what stands between the hosts, and lab_address in the inventory",
            )

    def health(self) -> Health | None:
        """Its last answer on /health: when it was ready, or after the window.

        None for an application, which does not say what it is.

        Raises:
            Failure: ``service-health``, that is no such document.
        """
        if self.nonce is None:
            return None
        try:
            return msgspec.json.decode(self._last, type=Health)
        except ValueError as wrong:
            raise Failure(
                "service-health",
                f"the service's answer on /health is invalid: {wrong}",
                where=f"{self.url}/health",
                hint="its keys are those of `Health` in bundle/documents/readings.py",
            ) from None

    def require_answer(self) -> None:
        """Make sure that the service, and no other process, still answers after the window.

        A generator whose requests hang may end with figures of the time before.

        Raises:
            Failure: ``service-hung``, ``service-foreign`` or ``port-shared``.
        """
        self._require_alone()
        if not self._answers():
            raise Failure(
                "service-hung",
                f"the service no longer answers after the window: {self._last_logged()}",
                where=self.url,
                hint="read its log; the trial is recorded as failed and the run goes on",
            )

    def require_own(self) -> None:
        """Make sure that no other process answers; the service itself need not answer.

        Raises:
            Failure: ``service-foreign`` or ``port-shared``.
        """
        self._require_alone()
        self._answers()

    def port_record(self) -> Port:
        """Its port, and whether others listen there; null with the reason if that is unknown."""
        shared, reason = ports.shared(self.port, self._pids()), None
        if shared is None:
            reason = "not readable here: whose sockets listen" if self.pid else "its own host knows"
        return Port(number=self.port, shared=shared, reason=reason)

    def stop(self) -> Stop | None:
        """Stop it and return how it ended; None if its own host stops it."""
        return None

    def _last_logged(self) -> str:
        return "its log is on its own host"

    def _pids(self) -> set[int]:
        """Its processes on this host."""
        return set()

    def _require_alone(self) -> None:
        if ports.shared(self.port, self._pids()):
            raise Failure(
                "port-shared",
                "another process listens on the port of the service and gets some of its requests",
                where=self.url,
                hint="end that process; `ss -ltnp` shows it",
            )

    def _is_own(self, answer: _Known) -> bool:
        if self.nonce is None:
            return not self.pid or ports.shared(self.port, self._pids()) is False
        return answer.nonce == self.nonce and (not self.pid or answer.pid in self._pids())

    def _answers(self) -> bool:
        """Whether it answers; keeps the answer.

        Raises:
            Failure: ``service-foreign``, another process answers.
        """
        answer = self._ask_health()
        if answer is None:
            return False
        known, body = answer
        if not self._is_own(known):
            holder = ports.holder(self.port) if self.pid else None
            raise Failure(
                "service-foreign",
                f"another program answers in place of the service{f': {holder}' if holder else ''}",
                where=self.url,
                hint="stop what listens there; nothing that it answered counts",
            )
        self._last = body
        return True

    def _ask_health(self) -> tuple[_Known, bytes] | None:
        """The answer of whatever listens there; None without one."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", self._health)
            answer = connection.getresponse()
            body = answer.read()
            known = msgspec.json.decode(body, type=_Known) if self.nonce else _Known()
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        return (known, body) if answer.status == http.HTTPStatus.OK else None


class Service(Endpoint):
    """A service that this agent starts; leaving the context ends it, whatever happens.

    Args:
        spec: how it is started.
        folder: takes its settings and its log.
        cpus: on which it may run; None for the agent's own.
        under: a program, with arguments, that starts the service's own; none starts it directly.
    """

    def __init__(
        self,
        spec: Deployable | StaticSpec,
        *,
        folder: Path,
        cpus: Iterable[int] | None,
        under: Sequence[str] = (),
    ) -> None:
        told = spec.settings
        super().__init__(told.host, told.port, told.nonce, _health_of(spec))
        self._spec = spec
        self._log = folder / "service.log"
        if isinstance(spec, ApplicationSpec):
            (argv, variables), within = application.started(spec), Path(spec.settings.folder)
        else:
            settings, within = folder / "service.json", None
            write_json(settings, spec.settings)
            argv = [spec.python, "-m", spec.MODULE, str(settings)]
            # Python finds the shipped code alone, nothing in the working folder.
            variables = spec.variables | {"PYTHONPATH": spec.code, "PYTHONSAFEPATH": "1"}
        if spec.environment:
            variables["PYTHONHASHSEED"] = str(spec.environment.hash_seed)
            variables["ORMLAB_PADDING"] = "x" * spec.environment.padding_bytes
        try:
            self._process = processes.spawn(
                [*under, *argv],
                program="service",
                log=self._log,
                cpus=cpus,
                env=variables,
                cwd=within,
            )
        except OSError as refused:
            raise Failure(
                "service-start",
                f"{argv[0]} cannot be started: {(refused.strerror or str(refused)).lower()}",
                where=argv[0],
                hint="start in application.toml names a program of its stack or of the host",
            ) from None
        self.pid = self._process.pid

    def __exit__(self, *_: object) -> None:
        processes.stop(self._process, timeout_s=1)

    def await_ready(self, heartbeat: Heartbeat) -> None:
        """Wait until the started process, and no other one, answers on /health.

        Raises:
            Failure: ``service-start``, with the last line it logged, or ``port-shared``.
        """
        deadline = time.monotonic() + self._spec.start_timeout_s
        while time.monotonic() < deadline:
            heartbeat.check()
            if self._process.poll() is not None:
                raise self._failed_start(f"ended with exit code {self._process.returncode}")
            answer = self._ask_health()
            # A process with another nonce already has the port: the service will fail and say so.
            if answer is not None and self._is_own(answer[0]):
                self._require_alone()
                self._last = answer[1]
                return
            time.sleep(_POLL_S)
        raise self._failed_start(f"did not answer within {self._spec.start_timeout_s:g} s")

    def stop(self) -> Stop:
        """Stop it by SIGTERM, or kill it, and return how it ended."""
        started = time.monotonic()
        in_time = processes.stop(self._process, timeout_s=self._spec.stop_timeout_s)
        seconds = time.monotonic() - started
        return Stop(in_time=in_time, exit_status=self._process.returncode, seconds=seconds)

    def death(self) -> Failure:
        """The failure of a trial in which the service ended."""
        self._process.wait()
        return Failure(
            "service-died",
            f"the service ended with {self._process.returncode} in the middle of the trial: "
            f"{self._last_logged()}",
            where=str(self._log),
            hint="read its log; the trial is recorded as failed and the run goes on",
        )

    def _pids(self) -> set[int]:
        pids = {self._process.pid}
        with contextlib.suppress(psutil.NoSuchProcess):
            workers = psutil.Process(self._process.pid).children(recursive=True)
            pids.update(worker.pid for worker in workers)
        return pids

    def _last_logged(self) -> str:
        return last_logged(self._log)

    def _failed_start(self, how: str) -> Failure:
        holder = ports.holder(self.port) if self._ask_health() else None
        return Failure(
            "service-start",
            f"the service {how}: {self._last_logged()}"
            f"{f'; {holder} answers there' if holder else ''}",
            where=str(self._log),
            hint="a taken port, an unreachable database and a broken stack are the usual causes",
        )


def _health_of(spec: Deployable | StaticSpec) -> str:
    return spec.settings.health if isinstance(spec, ApplicationSpec) else "/health"


def reached(
    spec: Deployable | StaticSpec | Served, *, folder: Path, cpus: Iterable[int] | None
) -> Endpoint:
    """The server of an order: this agent starts it in ``folder``, or another host serves it."""
    if isinstance(spec, Served):
        return Endpoint(spec.host, spec.port, spec.nonce, spec.health)
    return Service(spec, folder=folder, cpus=cpus)
