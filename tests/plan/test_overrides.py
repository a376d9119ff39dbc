"""A plan with values from the command line: what is recorded of it, and what is refused."""

from __future__ import annotations

import json

import pytest
import yaml

from bundle.codec import parse
from bundle.documents.plan import Plan, SealedPlan
from ormlab import plan as plans
from ormlab.base.errors import PlanError
from ormlab.plan import Overrides
from tests.cli.inside import ormlab
from tests.plan import small

PLAN = Plan.model_validate(yaml.safe_load(small.PLAN))


def test_the_overridden_plan_is_the_plan_of_record_and_names_what_it_replaced():
    asked = Overrides(blocks=4, seed=8, connections=16, duration_s=2.0).apply(PLAN)
    resolved = plans.resolve(asked)
    recorded = SealedPlan.model_validate(yaml.safe_load(resolved.document)).plan
    assert (recorded.blocks, recorded.seed) == (4, 8)
    assert (recorded.loads["wrk"].connections, recorded.loads["wrk"].duration_s) == (16, 2)
    assert list(map(str, recorded.overridden)) == [
        "blocks 4, not 2",
        "seed 8, not 7",
        "connections of wrk 16, not 8",
        "duration_s of wrk 2, not 1",
    ]
    assert len(resolved.trials) == 2 * len(plans.resolve(PLAN).trials)
    assert resolved.sha256 != plans.resolve(PLAN).sha256
    assert plans.resolve(recorded).sha256 == resolved.sha256  # as `rerun` and `resume` do


def test_a_plan_that_is_not_overridden_keeps_its_bytes():
    same = Overrides(blocks=2, connections=8).apply(PLAN)
    assert same == Overrides().apply(PLAN) == PLAN
    assert b"overridden" not in plans.resolve(PLAN).document


def test_a_large_seed_is_shown_with_all_digits():
    (override,) = Overrides(seed=12345678).apply(PLAN).overridden
    assert str(override) == "seed 12345678, not 7"


@pytest.mark.parametrize(
    ("given", "what", "where"),
    [
        ({"blocks": 0}, "blocks: Input should be greater than or equal to 1", "--blocks 0"),
        ({"connections": 3}, "threads must divide connections", "--connections 3"),
        ({"duration_s": 1.5}, "duration_s: Input should be a valid integer", "--duration 1.5"),
        ({"seed": -1}, "seed: Input should be greater", "--seed -1"),
    ],
)
def test_an_impossible_value_is_refused_as_in_a_file(given, what, where):
    with pytest.raises(PlanError) as refused:
        Overrides(**given).apply(PLAN)
    assert what in refused.value.what
    assert where in refused.value.where


def test_a_load_without_the_key_is_refused_where_no_load_has_it():
    article = yaml.safe_load(small.PLAN) | {"loads": {"all": {"generator": "article"}}}
    with pytest.raises(PlanError, match="no load of the plan small has connections"):
        Overrides(connections=8).apply(Plan.model_validate(article))


def test_what_is_overridden_stands_beside_a_title_that_may_say_something_else():
    assert PLAN.heading == PLAN.title
    changed = Overrides(connections=16, seed=8).apply(PLAN)
    assert (
        changed.heading == f"{PLAN.title} (overridden: seed 8, not 7; connections of wrk 16, not 8)"
    )


def test_the_command_shows_what_is_overridden():
    asked = ("plan", "demo", "--blocks", "4", "--duration", "2s")
    shown = ormlab(*asked).stdout
    assert "override  blocks 4, not 8\n" in shown
    assert " connections (overridden: blocks 4, not 8; duration_s of switched 2, not 3): " in shown
    told = parse(ormlab(*asked, "--json").stdout.encode())
    assert told["overridden"][1] == {
        "key": "duration_s",
        "load": "switched",
        "written": 3,
        "used": 2,
    }
    assert len(told["trials"]) == 16
    problem = json.loads(ormlab("plan", "demo", "--blocks", "0", "--json", code=2).stdout)
    assert problem["problems"][0]["code"] == "plan-override"
