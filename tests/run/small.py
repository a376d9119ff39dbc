"""A small plan, and an inventory of this machine, so that a run of the tests is short and alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path


# A machine with other work may be silent for a second. That is no failure of a run whose figures
# nobody reads; tests/agent/test_stalls.py has the gates themselves.
SILENCE = {
    code: {"high": 60, "reason": "other programs keep this machine busy"}
    for code in ("stall", "unwatched")
}


def plan(name: str = "small", **changes) -> dict[str, Any]:
    """The document: two subjects, two blocks, half a second of the asyncio client."""
    keys = {"connections": 8, "warmup_s": 0.1, "duration_s": 0.5}
    return {
        "schema": "plan/1",
        "name": name,
        "title": "Read one user by id, closed loop, 8 connections",
        "profile": "smoke",
        "seed": 20240101,
        "blocks": 2,
        "dataset": {"users": 1000, "orders": 1000, "payload_bytes": 512},
        "subjects": {"asyncpg": {"service": "asyncpg"}, "tortoise": {"service": "tortoise"}},
        "workloads": {"read-one": {"operations": [{"operation": "read-user"}]}},
        "loads": {"client": {"generator": "client-closed", **keys}},
        "comparisons": [{"baseline": "asyncpg", "candidate": "tortoise"}],
        "gates": SILENCE,
        **changes,
    }


def write_plan(path: Path, change=None) -> Path:
    """Write the small plan; ``change`` alters the document."""
    document = plan()
    if change:
        change(document)
    path.write_text(yaml.safe_dump(document))
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
