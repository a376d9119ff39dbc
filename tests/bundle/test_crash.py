"""SIGKILL at any step loses at most what was open: a trial, or trials that are closed together."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from bundle import index
from bundle.read import Bundle
from bundle.verify import verify
from tests.bundle import making
from tests.bundle.crashing_writer import TOGETHER, TRIALS

CHECKOUT = Path(__file__).parents[2]
MOMENTS = 15


def run(parent, *, kill_at=None):
    """Run the writer; return how many steps it took and which trials it was told are safe."""
    steps, closed = 0, []
    command = [sys.executable, "-m", "tests.bundle.crashing_writer", parent]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=CHECKOUT, bufsize=0, **pipes) as child:
        for line in iter(child.stdout.readline, b""):
            word, _, rest = line.decode().rstrip().partition(" ")
            if word == "closed":
                closed.append(rest)
            elif word == "step":
                if steps == kill_at:
                    child.kill()
                    break
                steps += 1
                child.stdin.write(b".")
    assert child.returncode == (0 if kill_at is None else -9)
    return steps, closed


def continue_and_seal(partial):
    """Resume as `ormlab resume` would; return the bundle and the trials that were kept."""
    with making.taken_up(partial) as writer:
        kept = writer.closed_trials()
        writer.add("inputs/plan.yaml", b"name: demo\n")
        if making.trial_name(0) not in kept:
            making.write_trial(writer, 0)
        lost = [number for number in TOGETHER if making.trial_name(number) not in kept]
        assert len(lost) in {0, len(TOGETHER)}
        if lost:
            making.write_together(writer, lost)
        return writer.seal(making.record_for(writer, completed=TRIALS)), kept


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    parent = tmp_path_factory.mktemp("whole")
    count, closed = run(parent)
    assert len(closed) == TRIALS
    assert verify(parent / making.NAME).ok
    return count


def test_a_kill_at_any_of_fifteen_moments(tmp_path, steps):
    assert steps > 60
    for moment in random.sample(range(steps), MOMENTS):
        parent = tmp_path / str(moment)
        parent.mkdir()
        _, told = run(parent, kill_at=moment)
        bundle, partial = parent / making.NAME, parent / f"{making.NAME}.partial"
        if partial.exists():
            bundle, kept = continue_and_seal(partial)
            assert set(told) <= set(kept), f"a closed trial was lost at step {moment}"
            assert len(kept) <= len(told) + len(TOGETHER)
            assert [each.trials for each in Bundle.open(bundle).record.interruptions] == [len(kept)]
        elif not bundle.exists():
            assert told == [], f"everything was lost at step {moment}"
            continue
        whole = Bundle.open(bundle, level="L1")
        assert len(whole.trials) == TRIALS
        # The index may have missed its line; adding it is safe whether it has or not.
        index.append(parent, making.NAME, whole.seal)
        assert [line.seal for line in index.read(parent)] == [whole.seal]


def test_the_seal_of_a_run_that_was_killed_before_its_name_changed_is_taken_back(tmp_path):
    writer = making.new_writer(tmp_path)
    making.write_trial(writer, 0)
    bundle = writer.seal(making.record_for(writer, completed=1))
    partial = bundle.rename(writer.folder)
    assert [problem.code for problem in verify(partial).problems] == ["seal-unfinished"]
    with making.taken_up(partial) as writer:
        assert not (partial / "SEAL.json").exists()
        making.write_trial(writer, 1)
        assert verify(writer.seal(making.record_for(writer, completed=2))).ok
