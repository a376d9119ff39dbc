"""Runs that several tests read: each is made once, by whichever worker needs it first."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from tests.conftest import CHECKOUT
from tests.run.small import SILENCE, write_inventory, write_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ORMLAB = str(Path(sys.executable).with_name("ormlab"))


class Finished(NamedTuple):
    """A run that came to its end; no test may change its folder."""

    told: dict  #: what ``ormlab run --json`` printed
    plan: Path  #: file of its plan
    bundle: Path  #: its folder
    #: command lines of the processes that it left on its host, and files of it there
    left: list[str]


def processes_below(root: Path) -> list[psutil.Process]:
    """Processes of a lab root that are alive, by what their command lines name."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(root) in w for w in words):
            found.append(process)
    return found


def verdict_of_two_blocks(found: Mapping, failures: Sequence[Mapping] = ()) -> str:
    """The verdict that a comparison of two blocks must have: none of its ratio.

    With two blocks A and A' differ beyond chance one time in twenty, if only the machine is noisy
    enough: then it is void. So it is if too many trials failed.

    Args:
        found: the comparison.
        failures: of trials, in which the machine may have been silent for too long.
    """
    reasons = {each["code"] for each in found["reasons"]}
    silent = {each["code"] for each in failures}
    void = {"deployments-differ"} | ({"gate"} if silent and silent <= SILENCE.keys() else set())
    return "VOID" if reasons and reasons <= void else "ESTIMATE"


def finished(
    base: Path,
    lab_root: Path,
    name: str,
    change: Callable | None = None,
    *,
    program: Sequence[str] = (ORMLAB,),
    flags: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Finished:
    """The finished run of that name, which is made if no worker has made it yet.

    Args:
        base: the temporary folder of this worker, or of the session if it has no workers.
        lab_root: the folder of the lab of this worker, for a run that has yet to be made.
        name: of the run.
        change: alters the small plan.
        program: what carries out the command line.
        flags: further options of ``ormlab run``.
        variables: of the program's environment, beside those of the tests.
    """
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"run-{name}"
    folder.mkdir(exist_ok=True)
    plan = folder / "small.yaml"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outcome = folder / "outcome.json"
        if not outcome.exists():
            write_plan(plan, change)
            inventory = write_inventory(folder / "inventory.yml", lab_root)
            options = ["--inventory", inventory, "--bundles", folder / "bundles", *flags, "--json"]
            command = [*program, "run", plan, *options]
            environment = {**os.environ, **(variables or {})}
            outcome.write_text(json.dumps(_carry_out(command, environment, lab_root)))
    told, left = json.loads(outcome.read_bytes())
    return Finished(told, plan, Path(told["folder"]), left)


def _carry_out(
    command: list[str | Path], environment: dict[str, str], lab_root: Path
) -> tuple[dict, list[str]]:
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=CHECKOUT, env=environment
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    processes = [" ".join(process.info["cmdline"]) for process in processes_below(lab_root)]
    return told, [*processes, *map(str, lab_root.glob(f"runs/{Path(told['folder']).name}*"))]
