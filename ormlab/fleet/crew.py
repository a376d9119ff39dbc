"""The runs of a fleet on the hosts of an inventory: each host carries out its own, one by one.

Run n belongs to host n, counted round: a host that fails costs its own runs and no others. Each run
is a process of this machine, as pyinfra needs a main thread for each connection.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from bundle import storage
from host.environment import environment
from ormlab.base import checkout
from ormlab.fleet.documents import OUTPUT, ROOM, run_folder
from ormlab.fleet.slurm import FleetTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ormlab.fleet.documents import Fleet

_ORMLAB: Final = str(Path(sys.executable).with_name("ormlab"))


ASKED_EVERY_S: Final = 1.0
"""Seconds between two looks at the processes."""


@dataclass
class Crew:
    """The processes of a fleet; a context at whose end none of them runs.

    An exception that leaves the context stops them.
    """

    folder: Path  #: of the fleet
    fleet: Fleet
    command: Sequence[str] = (_ORMLAB, "fleet", "task")  #: followed by folder, run and host
    _processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.stop()
        for process in self._processes.values():
            process.wait()  # a run whose bundle is there may still be judging it

    def host_of(self, run: int) -> str:
        """The name of the host that carries out a run."""
        return self.fleet.hosts[(run - 1) % len(self.fleet.hosts)]

    def ask(self) -> dict[int, FleetTask]:
        """Begin what is due on each host that is free; returns every run as a task.

        Raises:
            DiskFullError: there is no room for what a process prints.
        """
        for run in range(1, self.fleet.runs + 1):
            before = range(self._first_of(run), run, len(self.fleet.hosts))
            if run not in self._processes and all(map(self._has_ended, before)):
                self._begin(run)
        return {run: self._task(run) for run in range(1, self.fleet.runs + 1)}

    def stop(self) -> None:
        """End what runs; each run seals what it has measured as aborted."""
        for process in self._processes.values():
            process.terminate()  # a shell's background job, and its children, ignore SIGINT
        for process in self._processes.values():
            process.wait()

    def _first_of(self, run: int) -> int:
        """The first run of the host of a run."""
        return (run - 1) % len(self.fleet.hosts) + 1

    def _has_ended(self, run: int) -> bool:
        process = self._processes.get(run)
        return process is not None and process.poll() is not None

    def _begin(self, run: int) -> None:
        target = run_folder(self.folder, run)
        place = ["--run", str(run), "--host", self.host_of(run)]
        with storage.guard(target, hint=ROOM), (target / OUTPUT).open("ab") as output:
            self._processes[run] = subprocess.Popen(
                [*self.command, str(self.folder), *place],
                env=environment("orchestrator"),
                cwd=checkout.ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is ours, and `stop` passes it on
            )

    def _task(self, run: int) -> FleetTask:
        host, process = self.host_of(run), self._processes.get(run)
        if process is None:
            return FleetTask(run, "PENDING", "None", 0, 0, "")
        code = process.poll()
        if code is None:
            return FleetTask(run, "RUNNING", "None", 0, 0, host)
        state = "FAILED" if code else "COMPLETED"
        return FleetTask(run, state, "None", 0, code, host)
