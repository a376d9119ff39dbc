"""A small plan, and an inventory of this machine, so that a run of the tests is short and alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tests.conftest import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path


def write_plan(path: Path, change=None) -> Path:
    """Two subjects, two blocks, half a second of the asyncio client; ``change`` alters it."""
    plan = yaml.safe_load((CHECKOUT / "workloads/plans/demo.yaml").read_text())
    plan |= {"name": "small", "blocks": 2}
    plan["dataset"] = {"users": 1000, "orders": 1000, "payload_bytes": 512}
    del plan["subjects"]["sqlalchemy"], plan["loads"]["wrk"]
    plan["comparisons"] = [{"baseline": "asyncpg", "candidate": "tortoise"}]
    plan["loads"]["client"] |= {"connections": 8, "warmup_s": 0.1, "duration_s": 0.5}
    if change:
        change(plan)
    path.write_text(yaml.safe_dump(plan))
    return path


def alone(plan, blocks: int) -> None:
    """Leave one subject and one connection, for claims about a run and not its figures.

    Each subject costs a run as much as two trials before the first of them, and many connections
    keep two CPUs busy.
    """
    del plan["subjects"]["tortoise"]
    plan["loads"]["client"]["connections"] = 1
    plan |= {"comparisons": [], "blocks": blocks}


def write_inventory(path: Path, lab_root: Path) -> Path:
    """This machine in all roles, with a folder of the lab of its own."""
    group = {"hosts": {"localhost": None}}
    variables = {"ansible_connection": "local", "lab_root": str(lab_root)}
    groups = {"app": group, "db": group, "load": group}
    path.write_text(yaml.safe_dump({"bench": {"children": groups, "vars": variables}}))
    return path
