"""SIGKILL at seeded moments of a real run: each time, resuming completes it and loses nothing.

``ORMLAB_KILLS=30 ORMLAB_KILL_SEED=1 pytest -rP tests/resume/test_kills.py`` is the whole proof.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter

import pytest
import yaml

from bundle.read import Bundle, read_trials
from ormlab.verify import verify
from tests.resume.conftest import environment_number, kill, trials_of
from tests.run.shared import processes_below
from tests.run.small import alone

KILLS = environment_number("ORMLAB_KILLS", 2)
FIRST = environment_number("ORMLAB_KILL_FIRST", 0)
SEED = environment_number("ORMLAB_KILL_SEED", 1)
BLOCKS = 4
# What the run writes: the stages before its first trial, then its trials and the seal. Two moments
# of three lie in the second part, where there is something to lose.
_BEFORE, _LINES = 8, 9 + BLOCKS
_LONGEST_S = 3.0  # a stage or trial of it


def moment(number: int) -> tuple[int, float]:
    """How many lines of progress to wait for, and how long after the last of them."""
    draw = random.Random(f"{SEED}/{number}")
    part = (_BEFORE, _LINES) if number % 3 else (1, _BEFORE)
    return draw.randint(*part), draw.uniform(0, _LONGEST_S)


def run_until(process: subprocess.Popen[str], lines: int, seconds: float) -> bool:
    """Kill a run at a moment; returns whether it was still alive."""
    for _ in range(lines):
        process.stderr.readline()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(process)
        return True
    return False


def side_by_side(plan) -> None:
    """Two subjects whose trials are closed together, in half of the blocks."""
    keys = {"connections": 4, "warmup_s": 0.2, "duration_s": 0.6, "slice_s": 0.2}
    plan["loads"] = {"switched": {"generator": "client-switchback", **keys}}
    plan["blocks"] = BLOCKS // 2


@pytest.mark.parametrize("number", range(FIRST, FIRST + KILLS))
def test_a_kill_at_any_moment_loses_no_closed_trial(lab, small_plan, lab_root, number):
    change = side_by_side if number % 2 else lambda plan: alone(plan, BLOCKS)
    process = lab.run(small_plan(change))
    lines, seconds = moment(number)
    began = time.monotonic()
    killed = run_until(process, lines, seconds)
    (folder,) = lab.bundles.glob("*Z-*")
    partial = folder.with_name(folder.name.removesuffix(".partial") + ".partial")
    closed = trials_of(folder)
    stood = time.monotonic()
    code, told = lab.resume(partial)
    if code == 2:
        # It had come to its end: only then may there be nothing to resume.
        assert told["problems"][0]["code"] == "already-sealed"
        bundle = folder
    else:
        assert (code, told["ok"]) == (0, True), told
        bundle = lab.bundles / partial.stem
    planned = yaml.safe_load((bundle / "inputs/plan.yaml").read_bytes())["trials"]
    held = trials_of(bundle)
    lost = [name for name, files in closed.items() if held.get(name) != files]
    completed = Counter(
        trial.record.index for trial in read_trials(bundle) if trial.record.status == "completed"
    )
    duplicated = [index for index, count in completed.items() if count > 1]
    sys.stdout.write(
        f"moment {number}: line {lines} + {seconds:.2f} s, killed: {killed}, "
        f"closed before: {len(closed)}, lost: {len(lost)}, duplicated: {len(duplicated)}, "
        f"resumed in {time.monotonic() - stood:.1f} s, {time.monotonic() - began:.1f} s in all\n"
    )
    assert (lost, duplicated) == ([], [])
    assert {name.partition("-r")[0] if name not in planned else name for name in held} == {*planned}
    verified = verify(bundle)
    assert verified.ok, verified.problems
    record = Bundle.open(bundle, level="L1").record
    assert record.status == "complete"
    if killed and folder == partial:
        assert [each.trials for each in record.interruptions] == [len(closed)]
    assert processes_below(lab_root) == []
    assert not list((lab_root / "runs").glob(f"{bundle.name}*"))
    assert json.loads((bundle / "derived/results.json").read_bytes())["bundle"] == bundle.name
