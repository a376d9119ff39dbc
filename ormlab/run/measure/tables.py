"""The request tables of a plan on the host of the load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.orders import Tables
from ormlab.base.errors import PlanError
from ormlab.run.measure import orders
from workloads.load.requests import write_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ormlab.plan import Plan
    from ormlab.run.measure.station import Station
    from workloads.load.requests import Request


def ship_all(plan: Plan, station: Station, scratch: Path) -> dict[str, Tables]:
    """Draw the table of every workload and put it into the run's folder on the load's host.

    Minutes for a long load that must not repeat a request: nothing that waits for a sign of life
    may run meanwhile.

    Returns:
        Them by workload.

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
