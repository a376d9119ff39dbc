"""A whole run whose caller's variables would spoil it, sealed as if they were not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bundle.verify import verify
from host.environment import MEASURED, fixed, passed
from tests.run import hostile_environments


def test_a_run_under_hostile_variables_measures_what_a_clean_one_does(troubled_run):
    bundle = troubled_run.bundle
    assert verify(bundle, "L1").ok
    trials = [json.loads(file.read_bytes()) for file in bundle.glob("trials/*/trial.json")]
    assert len(trials) == 2
    for trial in trials:
        assert trial["status"] == "completed"
        runtime = trial["readings"]["health"]["runtime"]
        assert not runtime["asyncio_debug"]
        assert not runtime["flags"]["dev_mode"]
        assert runtime["allocator"] == runtime["allocator_of_build"]
        assert (runtime["preloaded"], runtime["variables"]) == ([], [])
    facts = json.loads((bundle / "host/facts.before.json").read_bytes())["facts"]
    assert facts["environment"].keys() == set(MEASURED)
    for program, variables in facts["environment"].items():
        assert variables.keys() <= {*passed(program), *fixed(program)}
        assert variables.items() >= fixed(program).items()
    record = json.loads((bundle / "bundle.json").read_bytes())
    assert record["tool"]["commit"] is not None or not (Path(__file__).parents[2] / ".git").exists()


@pytest.mark.skipif(
    "ORMLAB_HOSTILE_ENVIRONMENTS" not in os.environ,
    reason="a quarter of an hour; ORMLAB_HOSTILE_ENVIRONMENTS=1 plays all of them",
)
def test_each_hostile_environment_is_measured_in_or_refused(inventory, capsys):
    with capsys.disabled():
        assert hostile_environments.main(["--inventory", str(inventory)]) == 0


def test_the_environments_are_many_and_have_names_of_their_own():
    names = [each.name for each in hostile_environments.ENVIRONMENTS]
    assert len(names) == len(set(names)) >= 25
