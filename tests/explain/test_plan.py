from __future__ import annotations

import pytest
import yaml

from ormlab.base import checkout
from ormlab.base.errors import PlanError
from ormlab.plan import Plan, load, resolve

STEP = {"name": "x", "what": "x", "loop": "uvloop"}
# With trials one after the other, which any number of subjects may have.
CLIENT = {"generator": "client-closed", "connections": 4, "warmup_s": 1, "duration_s": 3}
PLAN = yaml.safe_load((checkout.PLANS / "explain.yaml").read_text())
PLAN |= {"loads": {"client": CLIENT}, "null_arm": None}


@pytest.fixture
def read(tmp_path):
    def read_plan(**changes):
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump({**PLAN, **changes}))
        return load(str(path))

    return read_plan


def explanation(**changes):
    return {**PLAN["explanation"], **changes}


def test_each_factor_is_switched_alone_and_on_top_of_those_before_it():
    subjects = resolve(load("explain")).subjects
    options = {name: subject.options for name, subject in subjects.items()}
    autocommit = {"isolation_level": "AUTOCOMMIT"}
    bare = autocommit | {"read_statement": "once"}
    row, record = {"read_as": "row"}, {"read_as": "record"}
    in_request, queue = {"read_closes_in": "request"}, {"record_over": "queue"}
    unreset = {"reset_on_return": False}
    assert options == {
        "sqlalchemy": {},
        "sqlalchemy.transaction": autocommit,
        "sqlalchemy.upto-statement": bare,
        "sqlalchemy.entity": row,
        "sqlalchemy.upto-entity": bare | row,
        "sqlalchemy.upto-layers": bare | record,
        "sqlalchemy.async-with": in_request,
        "sqlalchemy.upto-async-with": bare | record | in_request,
        "sqlalchemy.upto-greenlet": bare | record | in_request | {"record_over": "connection"},
        "sqlalchemy.upto-connection": bare | record | in_request | {"record_over": "pool"},
        "sqlalchemy.upto-pool": bare | record | in_request | queue,
        "sqlalchemy-null": {},
        "tortoise": {},
        "tortoise.reset": unreset,
        "tortoise.query": row,
        "tortoise.upto-query": unreset | row,
        "tortoise.upto-client": unreset | record,
        "tortoise.upto-asyncpg-pool": unreset | record | queue,
    }
    assert {subject.service for subject in subjects.values()} == {"sqlalchemy", "tortoise"}


def test_the_published_stack_is_explained_by_the_same_steps():
    current, published = (load(name) for name in ("explain", "explain-published"))
    changed = {"name", "title", "subjects"}
    assert current.model_dump(exclude=changed) == published.model_dump(exclude=changed)
    assert {each.stack for each in published.subjects.values()} == {"published-py312"}


def test_every_block_passes_once_over_all_of_them_and_measures_none_twice():
    resolved = resolve(load("explain"))
    for block in range(1, resolved.plan.blocks + 1):
        names = [trial.subject for trial in resolved.trials if trial.block == block]
        assert sorted(names) == sorted(resolved.subjects)
    first = yaml.safe_load(resolved.document)["explanation"]["steps"][0]
    assert first["alone"] == first["cumulative"] == "sqlalchemy.transaction"


def test_what_was_resolved_resolves_to_itself():
    resolved = resolve(load("explain"))
    again = Plan.model_validate(yaml.safe_load(resolved.document)["plan"])
    assert resolve(again).document == resolved.document


def test_a_step_may_switch_pool_loop_and_json_library(read):
    steps = [
        {"name": "pool", "what": "waits", "pool": {"size": 64}},
        {"name": "loop", "what": "asyncio", "loop": "uvloop", "json_library": "orjson"},
    ]
    reached = resolve(read(explanation=explanation(steps=steps))).subjects["sqlalchemy.upto-loop"]
    assert (reached.pool.size, reached.loop, reached.json_library) == (64, "uvloop", "orjson")


def test_a_step_without_a_meaning_alone_has_no_subject_of_its_own(read):
    steps = [{**STEP, "alone": False}, {**STEP, "name": "y", "alone": False}]
    expansion = resolve(read(explanation=explanation(steps=steps))).explanation
    assert [step.alone for step in expansion.way.steps] == ["sqlalchemy.x", None]
    assert list(expansion.subjects) == ["sqlalchemy.x", "sqlalchemy.upto-y"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"from": "django"}, "explanation: there is no subject 'django'"),
        ({"from": "tortoise"}, "from and to are the same subject"),
        ({"steps": []}, "explanation.steps: "),
        ({"steps": [{"name": "x", "what": "nothing"}]}, "a step switches something"),
        ({"steps": [STEP, dict(STEP)]}, "two steps have one name"),
        ({"steps": [{"name": "X", "what": "x", "loop": "uvloop"}]}, "explanation.steps.0.name: "),
        ({"stesp": []}, "explanation.stesp: unknown key"),
    ],
)
def test_a_wrong_explanation_is_refused(read, changes, said):
    with pytest.raises(PlanError) as refused:
        read(explanation=explanation(**changes))
    assert said in refused.value.what


def test_a_subject_of_the_plan_cannot_have_the_name_of_another_that_a_step_makes(read):
    other = {"sqlalchemy.transaction": {"service": "asyncpg"}}
    plan = read(subjects=PLAN["subjects"] | other)
    with pytest.raises(PlanError, match="the plan has another one"):
        resolve(plan)


def test_more_subjects_than_a_plan_may_have_are_refused(read):
    steps = [{"name": f"x{number}", "what": "x", "loop": "uvloop"} for number in range(14)]
    with pytest.raises(PlanError, match="there are 29 subjects"):
        resolve(read(explanation=explanation(steps=steps)))


def test_a_name_that_would_be_too_long_is_refused(read):
    long = "a" * 30
    subjects = {long: {"service": "sqlalchemy"}, "tortoise": {"service": "tortoise"}}
    comparisons = [{"baseline": long, "candidate": "tortoise"}]
    plan = read(
        subjects=subjects, comparisons=comparisons, explanation=explanation(**{"from": long})
    )
    with pytest.raises(PlanError, match="characters"):
        resolve(plan)
