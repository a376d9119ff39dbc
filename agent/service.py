"""What a trial drives: a service that is started here, or one that another host serves.

Whatever answers at its address is believed only if it knows the nonce that was drawn for it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import time
from typing import TYPE_CHECKING, Any, Self

import psutil

from agent import ports, processes
from agent.failure import Failure, last_logged
from agent.orders import write_json
from workloads.load.requests import bracketed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.orders import Heartbeat

_POLL_S = 0.01


class Endpoint:
    """A service by its address; its own host has started it and waited until it was ready.

    Attributes:
        host, port: where it serves.
        pid: of its first process; None if that is on another host.
        nonce: that it was given, and says on /health.
        health: what it said of itself when it was ready.
        health_after: what it said after the window.
    """

    def __init__(self, host: str, port: int, nonce: str) -> None:
        self.host = host
        self.port = port
        self.nonce = nonce
        self.pid: int | None = None
        self.health: dict[str, Any] = {}
        self.health_after: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{bracketed(self.host)}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Its own host ends it."""

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
        self.health = answer

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
        self.health_after = answer

    def require_own(self) -> None:
        """Make sure that nobody else answers in its place; it need not answer itself.

        Raises:
            Failure: ``service-foreign`` or ``port-shared``.
        """
        self._require_alone()
        if answer := self._ask_health():
            self._require_own(answer)

    def port_record(self) -> dict[str, Any]:
        """Its port, and whether others listen there; null with the reason if that is not known."""
        return {"number": self.port, "shared": None, "reason": "its own host knows"}

    def stop(self) -> dict[str, Any] | None:
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
        """Whether others listen there is seen on its own host."""

    def _is_own(self, answer: dict[str, Any]) -> bool:
        return bool(answer.get("nonce") == self.nonce)

    def _require_own(self, answer: dict[str, Any]) -> None:
        if not self._is_own(answer):
            by = ports.holder(self.port)
            raise Failure(
                "service-foreign",
                f"something else than the service answers{f': {by}' if by else ''}",
                where=self.url,
                hint="end what listens there; nothing that it answered counts",
            )

    def _ask_health(self) -> dict[str, Any] | None:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            told = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        return told if answer.status == http.HTTPStatus.OK and isinstance(told, dict) else None


class Service(Endpoint):
    """A service that this agent starts; leaving the context ends it, whatever happens."""

    def __init__(
        self,
        spec: dict[str, Any],
        *,
        folder: Path,
        cpus: Iterable[int] | None,
        module: str = "workloads.services",
    ) -> None:
        given = {"nonce": secrets.token_hex(8), **spec["settings"]}
        super().__init__(str(given["host"]), int(given["port"]), str(given["nonce"]))
        self._spec = spec
        self._log = folder / "service.log"
        settings = folder / "service.json"
        write_json(settings, given)
        self._process = processes.spawn(
            [spec["python"], "-m", module, str(settings)],
            program="service",
            log=self._log,
            cpus=cpus,
            # The shipped code and no other: not what lies in the working folder.
            env={
                **spec.get("variables", {}),
                "PYTHONPATH": spec["code"],
                "PYTHONSAFEPATH": "1",
                **_environment(spec),
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
        deadline = time.monotonic() + float(self._spec["start_timeout_s"])
        while time.monotonic() < deadline:
            heartbeat.check()
            if self._process.poll() is not None:
                raise self._failed_start(f"ended with exit code {self._process.returncode}")
            answer = self._ask_health()
            # Who answers with another nonce has the port already: the service will say so.
            if answer is not None and self._is_own(answer):
                self._require_alone()
                self.health = answer
                return
            time.sleep(_POLL_S)
        raise self._failed_start(f"did not answer within {self._spec['start_timeout_s']:g} s")

    def port_record(self) -> dict[str, Any]:
        """Its port, and whether others listen there; null with the reason if that is not known."""
        shared = ports.shared(self.port, self._pids())
        reason = "not readable here: whose sockets listen" if shared is None else None
        return {"number": self.port, "shared": shared, "reason": reason}

    def _is_own(self, answer: dict[str, Any]) -> bool:
        return super()._is_own(answer) and answer.get("pid") in self._pids()

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

    def stop(self) -> dict[str, Any] | None:
        """End it politely and say how that went."""
        started = time.monotonic()
        in_time = processes.stop(self._process, timeout_s=float(self._spec["stop_timeout_s"]))
        return {
            "in_time": in_time,
            "exit_status": self._process.returncode,
            "seconds": time.monotonic() - started,
        }

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
        by = ports.holder(self.port) if self._ask_health() else None
        return Failure(
            "service-start",
            f"the service {how}: {self._last_said()}{f'; {by} answers there' if by else ''}",
            where=str(self._log),
            hint="a taken port, an unreachable database and a broken stack are the usual causes",
        )


def reached(
    spec: dict[str, Any],
    *,
    folder: Path,
    cpus: Iterable[int] | None,
    module: str = "workloads.services",
) -> Endpoint:
    """The service of an order: started here, or already served by another host.

    Args:
        spec: as `Service` takes it, or ``served``: host, port and nonce of one that another agent
            holds.
        folder: of the order; takes the log of a service that is started.
        cpus: where that runs.
        module: that it is.
    """
    if served := spec.get("served"):
        return Endpoint(str(served["host"]), int(served["port"]), str(served["nonce"]))
    return Service(spec, folder=folder, cpus=cpus, module=module)


def _environment(spec: dict[str, Any]) -> dict[str, str]:
    """The drawn part of the environment; none without a draw."""
    drawn = spec.get("environment")
    if drawn is None:
        return {}
    padding = "x" * drawn["padding_bytes"]
    return {"PYTHONHASHSEED": str(drawn["hash_seed"]), "ORMLAB_PADDING": padding}
