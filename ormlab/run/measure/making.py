"""What a run makes on its hosts before it measures: the stacks' environments, and the rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from bundle.documents.host import Seeded
from bundle.documents.services import StackOutcome
from ormlab.base.errors import LoadError
from ormlab.run.measure import asking, orders
from ormlab.run.measure.deployment import packages

if TYPE_CHECKING:
    from ormlab.plan import Plan
    from ormlab.run.measure.database import Database
    from ormlab.run.measure.site import Site
    from ormlab.run.measure.station import Station

_BUILD_DEADLINE_S = 3600.0
_SEED_DEADLINE_S = 3600.0


def stacks(site: Site) -> dict[str, StackOutcome]:
    """Make each stack's environment; what cannot be made is an outcome, not an error.

    Raises:
        LoadError: the host is to blame, not the stack.
    """
    app, made = site.app, {}
    for name, stack in site.resolved.stacks.items():
        deployed = app.deployment
        argv = [deployed.python, "-m", "agent.stacks", "build"]
        argv += ["--stacks-dir", f"{deployed.code}/workloads/stacks", "--name", name]
        argv += ["--envs", deployed.environments, "--uv", deployed.uv]
        argv += ["--cache", deployed.cache]
        order = f"stack-{name}"
        status, said = app.dispatch.command(
            order,
            argv,
            deadline_s=_BUILD_DEADLINE_S,
            env=packages(app.host, stack),
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
        made[name] = asking.read(said, StackOutcome, where=where)
    return made


def rows(site: Site, database: Database) -> Seeded:
    """Make sure of the dataset's template database.

    Raises:
        LoadError: it cannot be made.
    """
    db = site.db
    options = program_options(site.resolved.plan, database, db)
    argv = [db.deployment.python, "-m", "workloads.dataset", "seed", *options]
    status, said = db.dispatch.command("seed", argv, deadline_s=_SEED_DEADLINE_S)
    where = f"{db.name}:{db.folder}/seed/log.txt"
    if status != 0:
        raise LoadError(
            "dataset",
            f"seeding the dataset ended with {status}: {db.last_said('seed')}",
            where=where,
            hint="a full disk is the usual cause",
        )
    return asking.read(said, Seeded, where=where)


def program_options(plan: Plan, database: Database, station: Station) -> list[str]:
    """The options of a program of workloads that works on the database, on a host."""
    numbers = {
        key.replace("_", "-"): value for key, value in asdict(orders.dataset_of(plan)).items()
    }
    values = {**database.options(station), **numbers}
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]
