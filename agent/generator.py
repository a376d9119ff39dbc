"""How each load generator is started: its commands for warming up and for measuring."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from agent import loads
from agent.files import write_json
from workloads.load import wrk
from workloads.load.requests import read_table

if TYPE_CHECKING:
    from agent.service import Endpoint


@dataclass(frozen=True)
class Command:
    """One run of a generator, in the folder of its trial.

    Attributes:
        name: of the generator, for messages.
        argv: the program and its arguments.
        duration_s: how long it is meant to take.
        log: takes its standard error.
        stdout: takes its standard output.
        outputs: files it must leave, not empty.
    """

    name: str
    argv: list[str]
    duration_s: float
    log: Path
    stdout: Path
    outputs: tuple[Path, ...]


@dataclass(frozen=True)
class Load:
    """A load as commands; the asyncio clients warm up by themselves and need none for it."""

    warmup: Command | None
    measured: Command


def prepare(load: loads.Load, *, folder: Path, service: Endpoint) -> Load:
    """Turn the load of an order into commands.

    Args:
        load: of the order.
        folder: of the trial; takes every output.
        service: what is driven.
    """
    match load:
        case loads.Wrk():
            return _wrk(load, folder, service)
        case loads.ClosedLoop() | loads.OpenLoop():
            return _client(load, folder, service)
        case loads.Capacity():
            return _capacity(load, folder, service)
        case loads.Article():
            return _article(load, folder, service)


def _wrk(load: loads.Wrk, folder: Path, service: Endpoint) -> Load:
    def run(name: str, table: str, duration_s: int) -> Command:
        stdout, dump = folder / f"{name}.stdout.txt", folder / f"{name}.json"
        argv = wrk.command(
            threads=load.threads,
            connections=load.connections,
            duration_s=duration_s,
            timeout_s=load.timeout_s,
            url=service.url,
            table=Path(table),
            out=dump,
            repeatable=load.repeatable,
        )
        log = folder / f"{name}.stderr.txt"
        return Command("wrk", argv, duration_s, log, stdout, (stdout, dump))

    warmup = run("warmup", load.warmup_table, load.warmup_s) if load.warmup_s else None
    return Load(warmup, run("wrk", load.table, load.duration_s))


def _client(load: loads.ClosedLoop | loads.OpenLoop, folder: Path, service: Endpoint) -> Load:
    settings = {
        "host": service.host,
        "port": service.port,
        "loop": "closed" if isinstance(load, loads.ClosedLoop) else "open",
        **asdict(load),
        "table": _near(load.table, folder),
    }
    duration_s = load.duration_s + load.warmup_s
    return _module("client", settings, folder, duration_s)


def _capacity(load: loads.Capacity, folder: Path, service: Endpoint) -> Load:
    client = {
        "host": service.host,
        "port": service.port,
        "loop": "closed",
        "duration_s": load.warmup_s,
        "connections": load.connections,
        "processes": load.processes,
        "cpus": load.cpus,
        "seed": load.seed,
        "repeatable": load.repeatable,
        "hash_fraction": load.hash_fraction,
        "table": _near(load.table, folder),
    }
    settings = {
        "client": client,
        "limit_s": load.duration_s,
        "arrivals": load.arrivals,
        "objective_ms": load.objective_ms,
        "loss_ratio": load.loss_ratio,
        "width": load.width,
        "probe_s": load.probe_s,
        "probes": load.probes,
    }
    return _module("capacity", settings, folder, load.duration_s + load.warmup_s)


def _article(load: loads.Article, folder: Path, service: Endpoint) -> Load:
    paths = {request.path for request in read_table(Path(load.table))}
    settings = {
        "url": service.url,
        "requests": load.requests,
        "concurrency": load.concurrency,
        "paths": sorted(paths),
    }
    return _module("article", settings, folder, load.duration_s)


def _near(table: str, folder: Path) -> str:
    """A table's path from the folder of the trial.

    Generators repeat their settings in what they leave, and that tells nobody where the lab lies.
    """
    return os.path.relpath(os.path.realpath(table), os.path.realpath(folder))


def _module(name: str, settings: dict[str, object], folder: Path, duration_s: float) -> Load:
    """The command of a module of ``workloads.load``, which checks its settings itself."""
    path = folder / f"{name}.spec.json"
    write_json(path, settings)
    argv = [sys.executable, "-m", f"workloads.load.{name}", str(path), str(folder)]
    log, stdout = folder / f"{name}.stderr.txt", folder / f"{name}.stdout.txt"
    outputs = (folder / f"{name}.json",)
    return Load(None, Command(name, argv, duration_s, log, stdout, outputs))
