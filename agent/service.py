"""What a trial drives: a service that is started here, or one that another host serves.

Whatever answers at its address is believed only if it knows the nonce that was drawn for it.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec
import psutil

from agent import ports, processes
from agent.failure import Failure, last_logged
from agent.files import write_json
from agent.orders import Served
from bundle.documents.readings import Health, Port, Stop
from workloads.load.requests import bracketed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.heartbeat import Heartbeat
    from agent.orders import ServiceSpec, StaticSpec
    from bundle.documents.readings import Environment

_POLL_S = 0.01


class _Known(msgspec.Struct, frozen=True):
    """By what an answer to /health is known, whatever else stands in it."""

    nonce: str | None = None
    pid: int | None = None


@dataclass(frozen=True)
class _Said:
    """An answer to /health: by what it is known, and all of it."""

    known: _Known
    body: bytes


class Endpoint:
    """A service by its address; its own host has started it and waited until it was ready.

    Attributes:
        host, port: where it serves.
        pid: of its first process; None if that is on another host.
        nonce: that it was given, and says on /health.
    """

    def __init__(self, host: str, port: int, nonce: str) -> None:
        self.host = host
        self.port = port
        self.nonce = nonce
        self.pid: int | None = None
        self._last = b""

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{bracketed(self.host)}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """No-op: the agent on the service's own host ends it."""

    def await_ready(self, heartbeat: Heartbeat) -> None:
        """Make sure that it can be reached from here.

        Raises:
            Failure: ``service-unreachable`` or ``service-foreign``.
        """
        heartbeat.check()
        answer = self._ask_health()
        if answer is None:
            raise Failure(
                "service-unreachable",
                "the service answers on its own host, but not to this one",
                where=self.url,
                hint="see what stands between the hosts, and lab_address in the inventory",
            )
        self._require_own(answer)

    def health(self) -> Health:
        """What it said of itself at the last look: when it was ready, or after the window.

        Raises:
            Failure: ``service-health``, that is no such document.
        """
        try:
            return msgspec.json.decode(self._last, type=Health)
        except ValueError as wrong:
            raise Failure(
                "service-health",
                f"what the service says of itself cannot be read: {wrong}",
                where=f"{self.url}/health",
                hint="its keys are those of `Health` in bundle/documents/readings.py",
            ) from None

    def require_answer(self) -> None:
        """Make sure that it still answers after the window, and nobody else in its place.

        A generator whose requests hang may end with figures of the time before.

        Raises:
            Failure: ``service-hung``, ``service-foreign`` or ``port-shared``.
        """
        self._require_alone()
        answer = self._ask_health()
        if answer is None:
            raise Failure(
                "service-hung",
                f"the service no longer answers after the window: {self._last_said()}",
                where=self.url,
                hint="read its log; the trial is recorded as failed and the run goes on",
            )
        self._require_own(answer)

    def require_own(self) -> None:
        """Make sure that nobody else answers in its place; it need not answer itself.

        Raises:
            Failure: ``service-foreign`` or ``port-shared``.
        """
        self._require_alone()
        if answer := self._ask_health():
            self._require_own(answer)

    def port_record(self) -> Port:
        """Its port, and whether others listen there; null with the reason if that is not known."""
        return Port(number=self.port, shared=None, reason="its own host knows")

    def stop(self) -> Stop | None:
        """End it and say how that went; None if its own host does that."""
        return None

    def death(self) -> Failure:
        """The failure of a trial whose service ended by itself."""
        return Failure(
            "service-died",
            f"the service ended in the middle of the trial: {self._last_said()}",
            where=self.url,
            hint="read its log; the trial is recorded as failed and the run goes on",
        )

    def _last_said(self) -> str:
        return "its log is on its own host"

    def _require_alone(self) -> None:
        """No-op: only its own host sees whether others listen there."""

    def _holder(self) -> str | None:
        """Who listens on its port; None where that cannot be seen: its own host knows."""
        return None

    def _is_own(self, answer: _Known) -> bool:
        return answer.nonce == self.nonce

    def _require_own(self, answer: _Said) -> None:
        """Keep the answer if it is the service's own."""
        if not self._is_own(answer.known):
            by = self._holder()
            raise Failure(
                "service-foreign",
                f"something else than the service answers{f': {by}' if by else ''}",
                where=self.url,
                hint="end what listens there; nothing that it answered counts",
            )
        self._last = answer.body

    def _ask_health(self) -> _Said | None:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            body = answer.read()
            known = msgspec.json.decode(body, type=_Known)
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        return _Said(known, body) if answer.status == http.HTTPStatus.OK else None


class Service(Endpoint):
    """A service that this agent starts; leaving the context ends it, whatever happens."""

    def __init__(
        self, spec: ServiceSpec | StaticSpec, *, folder: Path, cpus: Iterable[int] | None
    ) -> None:
        super().__init__(spec.settings.host, spec.settings.port, spec.settings.nonce)
        self._spec = spec
        self._log = folder / "service.log"
        settings = folder / "service.json"
        write_json(settings, spec.settings)
        self._process = processes.spawn(
            [spec.python, "-m", spec.MODULE, str(settings)],
            program="service",
            log=self._log,
            cpus=cpus,
            # The shipped code and no other: not what lies in the working folder.
            env={
                **spec.variables,
                "PYTHONPATH": spec.code,
                "PYTHONSAFEPATH": "1",
                **_variables(spec.environment),
            },
        )
        self.pid = self._process.pid

    def __exit__(self, *_: object) -> None:
        processes.stop(self._process, timeout_s=1)

    def await_ready(self, heartbeat: Heartbeat) -> None:
        """Wait until it answers on /health: the process that was started, and nothing else.

        Raises:
            Failure: ``service-start``, with the last line it logged, or ``port-shared``.
        """
        deadline = time.monotonic() + self._spec.start_timeout_s
        while time.monotonic() < deadline:
            heartbeat.check()
            if self._process.poll() is not None:
                raise self._failed_start(f"ended with exit code {self._process.returncode}")
            answer = self._ask_health()
            # Who answers with another nonce has the port already: the service will say so.
            if answer is not None and self._is_own(answer.known):
                self._require_alone()
                self._last = answer.body
                return
            time.sleep(_POLL_S)
        raise self._failed_start(f"did not answer within {self._spec.start_timeout_s:g} s")

    def port_record(self) -> Port:
        """Its port, and whether others listen there; null with the reason if that is not known."""
        shared = ports.shared(self.port, self._pids())
        reason = "not readable here: whose sockets listen" if shared is None else None
        return Port(number=self.port, shared=shared, reason=reason)

    def _holder(self) -> str | None:
        """Who listens on its port; None where that cannot be seen."""
        return ports.holder(self.port)

    def _is_own(self, answer: _Known) -> bool:
        return super()._is_own(answer) and answer.pid in self._pids()

    def _require_alone(self) -> None:
        if ports.shared(self.port, self._pids()):
            raise Failure(
                "port-shared",
                "another process listens on the port of the service and gets some of its requests",
                where=self.url,
                hint="end that process; `ss -ltnp` shows it",
            )

    def _pids(self) -> set[int]:
        """The processes of the service."""
        with contextlib.suppress(psutil.NoSuchProcess):
            workers = psutil.Process(self._process.pid).children(recursive=True)
            return {self._process.pid, *(each.pid for each in workers)}
        return {self._process.pid}

    def stop(self) -> Stop | None:
        """End it politely and say how that went."""
        started = time.monotonic()
        in_time = processes.stop(self._process, timeout_s=self._spec.stop_timeout_s)
        seconds = time.monotonic() - started
        return Stop(in_time=in_time, exit_status=self._process.returncode, seconds=seconds)

    def death(self) -> Failure:
        """The failure of a trial whose service ended by itself."""
        self._process.wait()
        return Failure(
            "service-died",
            f"the service ended with {self._process.returncode} in the middle of the trial: "
            f"{self._last_said()}",
            where=str(self._log),
            hint="read its log; the trial is recorded as failed and the run goes on",
        )

    def _last_said(self) -> str:
        return last_logged(self._log)

    def _failed_start(self, how: str) -> Failure:
        by = self._holder() if self._ask_health() else None
        return Failure(
            "service-start",
            f"the service {how}: {self._last_said()}{f'; {by} answers there' if by else ''}",
            where=str(self._log),
            hint="a taken port, an unreachable database and a broken stack are the usual causes",
        )


def reached(
    spec: ServiceSpec | StaticSpec | Served, *, folder: Path, cpus: Iterable[int] | None
) -> Endpoint:
    """The server of an order: started here, or already held by another host's agent.

    Args:
        spec: of it.
        folder: of the order; takes the log of one that is started.
        cpus: where that runs.
    """
    if isinstance(spec, Served):
        return Endpoint(spec.host, spec.port, spec.nonce)
    return Service(spec, folder=folder, cpus=cpus)


def _variables(drawn: Environment | None) -> dict[str, str]:
    """The drawn part of the environment; none without a draw."""
    if drawn is None:
        return {}
    padding = "x" * drawn.padding_bytes
    return {"PYTHONHASHSEED": str(drawn.hash_seed), "ORMLAB_PADDING": padding}
