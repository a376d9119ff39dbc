"""What a run makes on its hosts before it measures: request tables, environments, and rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from agent.application import Seeding
from agent.orders import ApplicationSpec, Tables
from bundle.codec import serialise
from bundle.documents.host import Seeded
from bundle.documents.profilers import STACKS
from bundle.documents.services import StackOutcome
from ormlab.base.errors import LoadError, PlanError
from ormlab.plan import applications
from ormlab.run.measure import deployment, orders, wheels
from ormlab.run.measure.deployment import read_answer
from workloads.load.requests import write_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from agent.orders import Deployable
    from bundle.documents.readings import Environment
    from ormlab.plan import Plan
    from ormlab.run.measure.database import Database
    from ormlab.run.measure.site import Site
    from ormlab.run.measure.station import Station
    from workloads.databases.interface import Server
    from workloads.load.requests import Request

_BUILD_DEADLINE_S = 3600.0
_SEED_DEADLINE_S = 3600.0


def tables(plan: Plan, station: Station, scratch: Path) -> dict[str, Tables]:
    """Draw the table of every workload and put it into the run's folder on the load's host.

    That takes minutes for a long load that must not repeat a request: nothing that waits for a
    sign of life may run meanwhile.

    Raises:
        PlanError: the dataset has too few rows for a workload.
    """
    shipped = {}
    for name, workload in plan.workloads.items():
        try:
            drawn = orders.table_of(plan, workload)
        except ValueError as lacking:
            raise PlanError(
                "dataset-too-small",
                f"the workload {name} cannot be drawn: {lacking}",
                where=plan.name,
                hint="give the plan a larger dataset, shorter loads or fewer deletes",
            ) from lacking
        measured = ship(drawn.measured, station, scratch / f"{name}.measured.tsv")
        warmup = ship(drawn.warmup, station, scratch / f"{name}.warmup.tsv")
        shipped[name] = Tables(measured=measured, warmup=warmup, repeatable=drawn.repeatable)
    return shipped


def ship(rows: Iterable[Request], station: Station, local: Path) -> str:
    """Write a table and put it into the run's folder on a host; returns its path there."""
    write_table(local, rows)
    there = f"{station.folder}/{local.name}"
    station.host.put(local.read_bytes(), there)
    return there


def stacks(site: Site) -> dict[str, StackOutcome]:
    """Make each stack's environment; a stack that cannot be made is an outcome, not an error.

    Raises:
        LoadError: the host is to blame, not the stack.
    """
    app, made = site.app, {}
    for name, stack in site.resolved.stacks.items():
        lab = app.deployment
        argv = [lab.python, "-m", "agent.stacks", "build", "--name", name]
        argv += ["--stacks-dir", f"{lab.code}/workloads/stacks", "--envs", lab.environments]
        argv += ["--uv", lab.uv, "--cache", lab.cache]
        order, variables = f"stack-{name}", {}
        if app.host.spec.offline:
            lock, python = stack.requirements().encode(), stack.python.partition("+")[0]
            variables = wheels.shipped(app.host, lock, python)
        status, said = app.dispatch.command(
            order,
            argv,
            deadline_s=_BUILD_DEADLINE_S,
            env=variables,
            program="installer",
        )
        where = f"{app.name}:{app.folder}/{order}/log.txt"
        if status != 0:
            raise LoadError(
                "stack-build",
                f"building the stack {name} ended with {status}: {app.last_said(order)}",
                where=where,
                hint="read that log; a full disk and an unreachable registry are the causes",
            )
        made[name] = read_answer(said, StackOutcome, where=where)
    return made


def profilers(site: Site, made: Mapping[str, StackOutcome]) -> dict[str, str]:
    """By stack that works, the folder with the profilers that run inside or beside its interpreter.

    None is made for a plan that asks for no such profiler.

    Raises:
        ProvisioningError: a package cannot be fetched for a host without network.
        CommandFailed: the environment cannot be made.
    """
    if not STACKS.keys() & set(site.resolved.plan.profilers):
        return {}
    lab, stacks = site.app.deployment, site.resolved.stacks
    return {
        name: deployment.profilers(
            lab,
            f"{lab.environments}/{outcome.environment}/bin/python",
            stacks[name].python.partition("+")[0],
        )
        for name, outcome in made.items()
        if outcome.ok
    }


def rows(site: Site, database: Database) -> Seeded:
    """Make the template database of the dataset, or find it made.

    Raises:
        LoadError: it cannot be made.
    """
    db, order = site.db, f"seed-{database.kind}"
    options = program_options(site.resolved.plan, database, db)
    argv = [db.deployment.python, "-m", "workloads.dataset", "seed", *options]
    status, said = db.dispatch.command(order, argv, deadline_s=_SEED_DEADLINE_S)
    where = f"{db.name}:{db.folder}/{order}/log.txt"
    if status != 0:
        raise LoadError(
            "dataset",
            f"seeding the dataset ended with {status}: {db.last_said(order)}",
            where=where,
            hint="a full disk is the usual cause",
        )
    return read_answer(said, Seeded, where=where)


def startable(
    site: Site,
    stacks: Mapping[str, StackOutcome],
    subject: str,
    *,
    address: tuple[str, int],
    server: Server,
    database: str,
    environment: Environment | None = None,
) -> Deployable:
    """How the agent starts a subject's service or application.

    Args:
        site: its hosts.
        stacks: the outcome of making each stack.
        subject: its name.
        address: where it listens.
        server: as it reaches it.
        database: on it.
        environment: what is drawn for the block.
    """
    resolved, lab = site.resolved, site.app.deployment
    declared = resolved.subjects[subject]
    program = orders.Program(
        python=f"{lab.environments}/{stacks[declared.stack].environment}/bin/python",
        code=lab.code,
        variables=resolved.stacks[declared.stack].variables,
        host=address[0],
        port=address[1],
    )
    where = orders.NamedDatabase(server, database)
    service = resolved.services[declared.service]
    if service.is_application:
        told = applications.read(service)
        return orders.application_spec(declared, told, program, where, environment)
    return orders.service_spec(declared, program, where, environment)


def own_rows(
    site: Site, stacks: Mapping[str, StackOutcome], database: Database
) -> dict[str, Seeded]:
    """Make the template databases of the applications, or find them made.

    Returns:
        By subject, its database; none of a subject whose stack could not be made.

    Raises:
        LoadError: one cannot be made, or none is wanted.
    """
    resolved, server = site.resolved, database.server(site.app)
    made: dict[str, Seeded] = {}
    seeded: dict[str, Seeded] = {}
    for name, subject in resolved.subjects.items():
        if not stacks[subject.stack].ok:
            continue
        told = applications.read(resolved.services[subject.service])
        files = resolved.service_files[subject.service]
        digest = applications.rows_digest(files, told, resolved.stacks[subject.stack].digest())
        if digest not in made:
            address = ("127.0.0.1", site.app.ports.services)
            spec = startable(
                site, stacks, name, address=address, server=server, database="postgres"
            )
            if not isinstance(spec, ApplicationSpec):
                raise TypeError(f"{name} is no application")
            seeding = Seeding(
                server=server,
                digest=digest,
                files=applications.sql_files(files, told),
                command=told.database.command or [],
                application=spec,
            )
            made[digest] = _seeded(site, name, seeding)
        seeded[name] = made[digest]
    if not seeded:
        raise LoadError(
            "no-subject",
            "no stack of an application could be made",
            where=resolved.plan.name,
            hint="see docs/stacks.md, and `ormlab run --json` for every outcome",
        )
    return seeded


def _seeded(site: Site, subject: str, seeding: Seeding) -> Seeded:
    app, order = site.app, f"seed-{subject}"
    place = f"{app.folder}/{order}.json"
    app.host.put(serialise(seeding), place)
    argv = [app.deployment.python, "-m", "agent.application", place]
    status, said = app.dispatch.command(order, argv, deadline_s=_SEED_DEADLINE_S)
    where = f"{app.name}:{app.folder}/{order}/log.txt"
    if status != 0:
        raise LoadError(
            "dataset",
            f"making the database of {subject} ended with {status}: {app.last_said(order)}",
            where=where,
            hint="database in its application.toml names SQL files and a command: try them by hand",
        )
    return read_answer(said, Seeded, where=where)


def program_options(plan: Plan, database: Database, station: Station) -> list[str]:
    """The options of a program of workloads that works on the database, on a host."""
    numbers = {
        key.replace("_", "-"): value for key, value in asdict(orders.dataset_of(plan)).items()
    }
    values = {**database.options(station), **numbers}
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]
