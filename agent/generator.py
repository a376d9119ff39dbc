"""How each load generator is started: its commands for warming up and for measuring."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.orders import write_json
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


def prepare(spec: dict[str, Any], *, folder: Path, service: Endpoint) -> Load:
    """Turn the load of an order into commands.

    Args:
        spec: the plan's load with every default filled in, and the request tables' paths.
        folder: of the trial; takes every output.
        service: what is driven.

    Raises:
        KeyError: the order names a generator this agent does not know.
    """
    return _GENERATORS[spec["generator"]](spec, folder, service)


def _wrk(spec: dict[str, Any], folder: Path, service: Endpoint) -> Load:
    def run(name: str, table: str, duration_s: int) -> Command:
        stdout, dump = folder / f"{name}.stdout.txt", folder / f"{name}.json"
        argv = wrk.command(
            threads=spec["threads"],
            connections=spec["connections"],
            duration_s=duration_s,
            timeout_s=spec["timeout_s"],
            url=service.url,
            table=Path(table),
            out=dump,
            repeatable=spec["repeatable"],
        )
        log = folder / f"{name}.stderr.txt"
        return Command("wrk", argv, duration_s, log, stdout, (stdout, dump))

    warmup = run("warmup", spec["warmup_table"], spec["warmup_s"]) if spec["warmup_s"] else None
    return Load(warmup, run("wrk", spec["table"], spec["duration_s"]))


def _client(spec: dict[str, Any], folder: Path, service: Endpoint) -> Load:
    loop = spec["generator"].removeprefix("client-")
    own = {"generator", "warmup_table"}
    given = {key: value for key, value in spec.items() if key not in own}
    given["table"] = _near(spec["table"], folder)
    settings = {"host": service.host, "port": service.port, "loop": loop, **given}
    return _module("client", "workloads.load.client", settings, folder, spec)


def _capacity(spec: dict[str, Any], folder: Path, service: Endpoint) -> Load:
    shared = ("connections", "processes", "cpus", "seed", "repeatable", "hash_fraction")
    client = {
        "host": service.host,
        "port": service.port,
        "loop": "closed",
        "duration_s": spec["warmup_s"],
        **{key: spec[key] for key in shared},
        "table": _near(spec["table"], folder),
    }
    goal = ("arrivals", "objective_ms", "loss_ratio", "width", "probe_s", "probes")
    settings = {
        "client": client,
        "limit_s": spec["duration_s"],
        **{key: spec[key] for key in goal},
    }
    return _module("capacity", "workloads.load.capacity", settings, folder, spec)


def _article(spec: dict[str, Any], folder: Path, service: Endpoint) -> Load:
    paths = dict.fromkeys(request.path for request in read_table(Path(spec["table"])))
    settings = {
        "url": service.url,
        "requests": spec["requests"],
        "concurrency": spec["concurrency"],
        "paths": sorted(paths),
    }
    return _module("article", "workloads.load.article", settings, folder, spec)


def _near(table: str, folder: Path) -> str:
    """A table's path from the folder of the trial.

    Generators repeat their settings in what they leave, and that tells nobody where the lab lies.
    """
    return os.path.relpath(os.path.realpath(table), os.path.realpath(folder))


def _module(
    name: str, module: str, settings: dict[str, Any], folder: Path, spec: dict[str, Any]
) -> Load:
    path = folder / f"{name}.spec.json"
    write_json(path, settings)
    duration_s = spec["duration_s"] + spec.get("warmup_s", 0)
    argv = [sys.executable, "-m", module, str(path), str(folder)]
    log, stdout = folder / f"{name}.stderr.txt", folder / f"{name}.stdout.txt"
    outputs = (folder / f"{name}.json",)
    return Load(None, Command(name, argv, duration_s, log, stdout, outputs))


_GENERATORS = {
    "wrk": _wrk,
    "client-closed": _client,
    "client-open": _client,
    "capacity": _capacity,
    "article": _article,
}
