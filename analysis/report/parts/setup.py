"""Part 3: what was measured, with every version, in one card."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.limits import shown
from analysis.report.blocks import Facts, Heading, Text
from analysis.rounding import UNKNOWN
from analysis.tables import Cell, Row, Table, columns, schema
from bundle.display import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.host import Server
    from bundle.documents.readings import Health
    from bundle.documents.results import Software
    from bundle.documents.services import SchemaOutcome

_FRAMEWORKS = {"aiohttp": ("aiohttp",), "fastapi": ("fastapi", "starlette", "uvicorn")}
_MADE = (
    "The plan had the ORM's own tool make the schema in a database that nobody measured. Every "
    "subject was measured on the lab's schema.sql."
)
_HEADS = (
    *("Subject", "Interpreter", "ORM", "Driver", "Web framework", "Event loop", "JSON"),
    "Workers and pool",
)
#: those by which two servers answer at another speed
_SETTINGS = (
    *("shared_buffers", "effective_cache_size", "work_mem", "huge_pages", "jit"),
    *("max_parallel_workers_per_gather", "max_connections", "fsync", "synchronous_commit"),
    *("full_page_writes", "wal_level", "autovacuum", "track_io_timing"),
    *("innodb_buffer_pool_size", "innodb_log_file_size", "innodb_flush_log_at_trx_commit"),
    *("innodb_doublewrite", "tx_isolation", "performance_schema"),
)


def blocks(material: Material) -> Iterator[Block]:
    """The run, its host and its database; then the subjects with their versions, and the loads."""
    yield Facts(tuple(_run(material)))
    if material.running:
        yield _subjects(material)
    yield from _schemas(material.schemas)
    for server in material.servers:
        yield Heading(server.heading)
        yield Facts(tuple(_settings(server)))


def _run(material: Material) -> Iterator[tuple[str, str]]:
    record, counted, plan = material.record, material.record.trials, material.plan
    yield "Plan", f"{plan.name}: {plan.heading}"
    yield "Profile", f"{plan.profile}, {quantity(plan.blocks, 'block')}"
    yield "Run", f"{record.status}, begun {record.created:%Y-%m-%d %H:%M} UTC"
    counts = f"{counted.completed} of {counted.planned} planned were completed"
    if counted.failed or counted.skipped:
        repeated = counted.completed + counted.failed + counted.skipped > counted.planned
        failed = f"{counted.failed} failed{', repeats included' if repeated else ''}"
        counts += f", {failed}, {counted.skipped} were not carried out"
    yield "Trials", counts
    if material.before.facts:
        facts = material.before.facts.facts
        kind = "virtual machine" if facts.virtual else "physical machine"
        cores = quantity(len(facts.topology.cores), "core") if facts.topology else UNKNOWN
        yield "CPU", f"{facts.cpu_model or UNKNOWN}, {cores}, {kind}"
        yield "Memory", shown(facts.memory_bytes, "bytes")
        yield "System", f"{facts.distribution or UNKNOWN}, kernel {facts.kernel or UNKNOWN}"
    if material.seeded:
        rows = ", ".join(f"{count:,} {table}" for table, count in material.seeded.rows.items())
        payload = f", payload {plan.dataset.payload_bytes:,} bytes" if plan.dataset else ""
        yield "Dataset", f"{rows}{payload}"
    for name, load in plan.loads.items():
        given = load.keys(given_only=True)
        told = (
            f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in given.items()
            if key != "generator" and value is not None
        )
        yield f"Load {name}", ", ".join((str(given["generator"]), *told))


def _subjects(material: Material) -> Table:
    """A row for all subjects that run on the same versions in the same way."""
    groups: dict[tuple[str, ...], list[str]] = {}
    names = [name for name in material.looks if name in material.running]
    for name in names:
        of = material.sealed.arms.get(name, name)
        key = tuple(_versions(material.running[name], material.software.get(of)))
        groups.setdefault(key, []).append(name)
    rows = tuple(Row((Cell(", ".join(told)), *key)) for key, told in groups.items())
    return Table("Subjects and their versions", columns(*_HEADS), rows)


def _versions(health: Health, software: Software | None) -> Iterator[str]:
    build = ", JIT on" if health.jit is True else ""
    yield f"CPython {health.python}{build}"
    yield (software and software.orm) or UNKNOWN
    yield (software and software.driver) or UNKNOWN
    framework = _FRAMEWORKS.get(health.framework or "aiohttp", ())
    yield ", ".join(_installed(health.versions, framework)) or UNKNOWN
    loop = ("asyncio",) if health.loop == "asyncio" else _installed(health.versions, (health.loop,))
    yield ", ".join(loop) or UNKNOWN
    yield health.json if health.json != "stdlib" else "standard library"
    pool = f"pool {health.pool.size}"
    if health.pool.overflow:
        pool += f" + {health.pool.overflow}"
    yield f"{quantity(health.workers, 'worker')}, {pool}"


def _installed(versions: Mapping[str, str], wanted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name} {versions[name]}" for name in wanted if name in versions)


def _schemas(made: Mapping[str, SchemaOutcome]) -> Iterator[Block]:
    """The judgement on each schema by a tool, then what differs; equal outcomes stand together."""
    if made:
        yield Heading("Schemas by tools of the ORMs")
        yield Text(_MADE)
    outcomes = list(made.values())
    for at, outcome in enumerate(outcomes):
        if outcome in outcomes[:at]:
            continue
        names = ", ".join(name for name, each in made.items() if each == outcome)
        yield Text(f"{names}: {schema.sentence(outcome)}.")
        if outcome.differences:
            told = schema.differences(outcome)
            yield replace(told, caption=f"{told.caption}: {names}", folded=True)


def _settings(server: Server) -> Iterator[tuple[str, str]]:
    for name in _SETTINGS:
        if name in server.settings:
            yield name, server.settings[name]
