"""``ormlab run --on`` and ``ormlab fleet``: several runs of one plan, each on its own host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from bundle.display import quantity
from ormlab.base import checkout
from ormlab.base.errors import Interrupted
from ormlab.cli import options
from ormlab.cli.groups import Group
from ormlab.cli.output import Printout, prints
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ormlab.fleet.documents import Fleet
    from ormlab.fleet.launch import Launched
    from ormlab.fleet.outcomes import RunOutcome
    from ormlab.fleet.slurm import FleetTask
    from ormlab.plan import Overrides

    type Ask = Callable[[], Mapping[int, FleetTask]]

NODES = checkout.ROOT / "inventory/slurm.yml"
"""The inventory of a node, unless another one is given."""


@click.group("fleet", cls=Group)
def group() -> None:
    """Several runs of one plan, each whole on a host of its own.

    `ormlab run PLAN --on slurm --runs N` begins a fleet. docs/fleet.md describes it.
    """


@group.command("wait")
@click.argument("folder", type=options.PATH, metavar="FLEET")
@prints
def wait_command(folder: Path) -> Printout:
    """Wait for the runs of a FLEET, and print what they say together.

    FLEET is the folder that `ormlab run --on` printed. Ctrl-C ends the waiting alone: the
    runs go on. On hosts of an inventory nothing is waited for.

    \b
    Examples:
      ormlab fleet wait bundles/fleet-20261130T190000Z-1a2b3c4d
      ormlab fleet wait bundles/fleet-* --json | jq '.runs[].said'
    """
    from ormlab.fleet.documents import Fleet

    fleet = Fleet.read(folder)
    outcomes = _awaited(folder.resolve(), fleet, _of_slurm(fleet))
    return _combined(folder.resolve(), fleet, outcomes)


@group.command("task")
@click.argument("folder", type=options.PATH, metavar="FLEET")
@click.option("--run", "number", type=click.IntRange(1), metavar="N", help="Number of the run.")
@click.option("--host", metavar="NAME", help="Host of the group fleet that carries it out.")
@prints
def task_command(folder: Path, number: int | None, host: str | None) -> Printout:
    """Carry out one run of a FLEET; Slurm and `ormlab run --on` call this.

    Without options it is a task of a Slurm array, which knows its number and its node by
    the variables that Slurm sets.

    \b
    Examples:
      ormlab fleet task bundles/fleet-<id>
      ormlab fleet task bundles/fleet-<id> --run 2 --host rack2
    """
    if (number is None) != (host is None):
        raise click.UsageError("--run and --host belong together: give both, or none in a task")
    from ormlab.fleet import slurm
    from ormlab.fleet.place import Here, node_digest
    from ormlab.fleet.task import carry_out

    if number is None or host is None:
        here = slurm.here(os.environ)
    else:
        here = Here(number, host, node_digest("", host), None)
    with reporter() as progress:
        progress.note(f"run {here.run}, attempt {here.restarts + 1}, on {here.node}")
        bundle = carry_out(folder.resolve(), here, progress)
    result = {"bundle": str(bundle)}
    return Printout("ormlab-fleet-task/1", result, lambda: f"bundle: {bundle}")


def run_on(
    on: str,
    plan: str,
    overrides: Overrides,
    inventory: Path,
    bundles: Path,
    *,
    runs: int | None,
    constraint: str | None,
    wait: bool,
) -> Printout:
    """Begin a fleet, wait for it unless told otherwise, and combine its runs.

    Args:
        on: ``slurm``, or the inventory of the hosts.
        plan: as `ormlab run` takes it, and so the others; ``inventory`` is that of a node.
        overrides: likewise.
        inventory: likewise.
        bundles: likewise.
        runs: how many; None for one on each host.
        constraint: of nodes of Slurm.
        wait: for the runs of Slurm.

    Raises:
        UsageError: an option does not fit.
        Interrupted: the user stopped it.
        LabError: as `ormlab.fleet.launch`.
    """
    if on == "slurm":
        if runs is None:
            raise click.UsageError("--on slurm needs the number of runs, as in --runs 6")
        return _on_slurm(
            plan, overrides, inventory, bundles, runs=runs, constraint=constraint, wait=wait
        )
    if constraint or not wait:
        raise click.UsageError("--constraint and --no-wait are for Slurm: leave them out")
    if inventory != checkout.INVENTORY:
        raise click.UsageError("--on names the inventory: leave --inventory out")
    return _on_hosts(plan, overrides, Path(on), bundles, runs=runs)


def _on_slurm(
    plan: str,
    overrides: Overrides,
    inventory: Path,
    bundles: Path,
    *,
    runs: int,
    constraint: str | None,
    wait: bool,
) -> Printout:
    """Submit a fleet; Ctrl-C cancels it."""
    from ormlab.fleet.launch import on_slurm

    inventory = NODES if inventory == checkout.INVENTORY else inventory
    launched = on_slurm(plan, overrides, inventory, bundles, runs=runs, constraint=constraint)
    folder, job = launched.folder, launched.fleet.job
    click.echo(f"fleet: {folder} (job {job}, {quantity(runs, 'run')})", err=True)
    if not wait:
        result = {"folder": str(folder), "job": job, "runs": runs}
        return Printout(
            "ormlab-fleet-submitted/1", result, lambda: f"next: ormlab fleet wait {folder}"
        )
    if launched.interrupted:
        raise _cancelled(launched)
    try:
        outcomes = _awaited(folder, launched.fleet, _of_slurm(launched.fleet))
        return _combined(folder, launched.fleet, outcomes)
    except KeyboardInterrupt:
        raise _cancelled(launched) from None


def _on_hosts(
    plan: str, overrides: Overrides, inventory: Path, bundles: Path, *, runs: int | None
) -> Printout:
    """Have the hosts of an inventory carry out a fleet; Ctrl-C stops its runs."""
    from ormlab.fleet.crew import ASKED_EVERY_S, Crew
    from ormlab.fleet.launch import on_hosts

    launched = on_hosts(plan, overrides, inventory, bundles, runs=runs)
    folder, fleet = launched.folder, launched.fleet
    number, hosts = quantity(fleet.runs, "run"), quantity(len(fleet.hosts), "host")
    click.echo(f"fleet: {folder} ({number} on {hosts})", err=True)
    try:
        with Crew(folder, fleet) as crew:
            outcomes = _awaited(folder, fleet, crew.ask, every_s=ASKED_EVERY_S)
        return _combined(folder, fleet, outcomes)
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted",
            "the fleet was interrupted; what its runs had measured is sealed as aborted",
            where=str(folder),
            hint=f"`ormlab fleet wait {folder}` combines the runs that had come to their end",
        ) from None


def _cancelled(launched: Launched) -> Interrupted:
    """Cancel the array; returns the error that says so."""
    from ormlab.fleet import slurm

    folder, job = launched.folder, launched.fleet.job
    refused = slurm.cancel(job) if job is not None else None
    what = f"the fleet was interrupted, and its job {job} is cancelled"
    hint = f"`ormlab fleet wait {folder}` combines the runs that are sealed"
    if refused:
        what = f"the fleet was interrupted; its job {job} goes on: {refused}"
        hint = f"cancel it with `scancel {job}`, or go on: `ormlab fleet wait {folder}`"
    return Interrupted("interrupted", what, where=str(folder), hint=hint)


def _of_slurm(fleet: Fleet) -> Ask:
    """Asks Slurm for the tasks of a fleet; there are none without a job."""
    from ormlab.fleet import slurm

    job = fleet.job
    if job is None:
        return dict
    return lambda: slurm.tasks(job)


def _awaited(
    folder: Path, fleet: Fleet, ask: Ask, *, every_s: float | None = None
) -> list[RunOutcome]:
    """Wait for the runs of a fleet, with news."""
    from ormlab.fleet import watch

    every_s = every_s or watch.ASKS_EVERY_S
    with reporter() as progress:
        runs = quantity(fleet.runs, "run")
        progress.stage(f"waiting for {runs}, looked at every {every_s:g} s")
        return watch.watch(folder, fleet, progress, ask=ask, every_s=every_s)


def _combined(folder: Path, fleet: Fleet, outcomes: Sequence[RunOutcome]) -> Printout:
    from ormlab.cli.fleet_text import fleet_text
    from ormlab.fleet.combined import combine

    combined = combine(folder, fleet, outcomes)
    return Printout(
        schema="ormlab-fleet/1",
        result={
            "folder": str(folder),
            "fleet": fleet.id,
            "job": fleet.job,
            "runs": _runs(outcomes),
            "bundles": [str(path) for path in combined.bundles],
            "comparisons": [plain(each) for each in combined.comparisons],
        },
        text=lambda: fleet_text(outcomes, combined, folder),
        failures=combined.failures,
    )


def _runs(outcomes: Sequence[RunOutcome]) -> list[dict[str, str | int]]:
    return [
        {"run": each.run, "stage": each.stage, "said": each.said, "hint": each.hint}
        for each in outcomes
    ]
