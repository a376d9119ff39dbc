"""What every load generator is to the agent: commands to run in the folder of a trial."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from agent.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from agent.orders import LoadSpec
    from agent.service import Endpoint
    from bundle.generators.slices import Role


@dataclass(frozen=True)
class Command:
    """One run of a generator, in the folder of its trial."""

    name: str  #: of the generator, for messages
    argv: list[str]  #: the program and its arguments
    duration_s: float  #: how long it is meant to take
    log: Path  #: takes its standard error
    stdout: Path  #: takes its standard output
    outputs: tuple[Path, ...]  #: files it must leave, not empty
    descriptors: tuple[int, ...] = ()  #: of open files that it gets


@dataclass(frozen=True)
class Commands:
    """A load as commands; a generator that warms up by itself needs none for that."""

    measured: Command
    warmup: Command | None = None


@dataclass(frozen=True)
class Target:
    """What a generator drives, and from where."""

    name: str  #: of the subject, where there are several
    service: Endpoint  #: the endpoint
    sent: LoadSpec  #: the tables of requests, and the seed
    runs_in: Path  #: folder of the order, in which the generator runs
    folder: Path  #: of the trial, mostly the same; takes every output
    cpus: list[int]  #: of the generator, which the agent pins it to
    server_pid: int | None  #: first process of the database server; None if it is on another host
    #: by role of another host, a descriptor of a connection on which its agent takes readings; only
    #: for load that switches
    readers: Mapping[Role, int] = MappingProxyType({})

    @property
    def table(self) -> str:
        """The table's path from the folder in which the generator runs.

        Generators repeat their settings in what they leave, and that tells nobody where the lab
        lies.
        """
        return os.path.relpath(
            os.path.realpath(self.sent.tables.measured), os.path.realpath(self.runs_in)
        )

    def shared_cpus(self, processes: int) -> list[int]:
        """One CPU for each process, in turn."""
        return [self.cpus[index % len(self.cpus)] for index in range(processes)]

    def command(
        self, name: str, argv: list[str], duration_s: float, *, files: str | None = None
    ) -> Command:
        """A run that must leave its report, ``<name>.json``.

        Args:
            name: of the generator's module.
            argv: the program and its arguments.
            duration_s: how long it is meant to take.
            files: what its files are named by instead.
        """
        log, stdout, report = (
            self.folder / f"{files or name}.{suffix}"
            for suffix in ("stderr.txt", "stdout.txt", "json")
        )
        return Command(name, argv, duration_s, log, stdout, (report,))

    def module(self, name: str, settings: Mapping[str, object], duration_s: float) -> Commands:
        """A run of a module of ``workloads.load``, which warms up and checks its settings."""
        path = self.folder / f"{name}.spec.json"
        write_json(path, settings)
        argv = [sys.executable, "-m", f"workloads.load.{name}", str(path), str(self.folder)]
        return Commands(self.command(name, argv, duration_s))
