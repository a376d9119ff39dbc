"""The article's ledger and the plans that it names: every testable claim is tested by its plan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest

from analysis.claims import CLAIM_METRICS, Runs, Statement, places_of, variants_of
from analysis.claims.comparability import differences
from analysis.inference import FEWEST_BLOCKS
from ormlab.base import checkout
from ormlab.judging.ledger import load
from ormlab.plan import ResolvedPlan, resolve
from ormlab.plan import load as load_plan
from tests.claims.making import stack
from workloads import stacks

if TYPE_CHECKING:
    from bundle.documents.plan import Plan
    from bundle.documents.services import StackOutcome

LEDGER = load("article").ledger
STACKS = stacks.load()
TESTED = [
    pytest.param(each, id=f"{name}{variant and ':'}{variant}")
    for name, claim in LEDGER.claims.items()
    if not isinstance(claim, Statement) and claim.test
    for variant, each in {"": claim, **variants_of(claim)}.items()
]
CLOSED = {"wrk", "client-closed", "client-switchback"}


@cache
def resolved(plan: str) -> ResolvedPlan:
    return resolve(load_plan(str(checkout.PLANS / f"{plan}.yaml")))


@dataclass
class Planned:
    """What conditions are read from, of a run that has not taken place."""

    plan: Plan
    stacks: dict[str, StackOutcome]
    postgresql: str = "16.11"


def planned(name: str) -> Planned:
    made = resolved(name)
    outcomes = {
        subject: stack(
            packages={package: pin.version for package, pin in written.pins().items()},
            python={"version": exactly(written.python), "implementation": "cpython"},
        )
        for subject, asked in made.subjects.items()
        for written in [STACKS[asked.stack]]
    }
    return Planned(made.plan, outcomes)


def exactly(python: str) -> str:
    version = python.partition("+")[0]
    return version if version.count(".") > 1 else f"{version}.0"


@pytest.mark.parametrize("claim", TESTED)
def test_its_plan_has_the_subjects_under_the_published_conditions(claim):
    # What the host decides is seen on the host; all else is the plan's, and nothing may differ.
    anywhere = claim.model_copy(update={"portability": "any"})
    assert differences(anywhere, LEDGER, planned(claim.test.plan)) == []


@pytest.mark.parametrize("claim", [each for each in TESTED if not isinstance(each.values[0], Runs)])
def test_its_plan_measures_the_metric(claim):
    plan = resolved(claim.test.plan).plan
    places = list(places_of(claim).values())
    for place in places:
        drive = plan.loads[place.load]
        assert claim.metric in CLAIM_METRICS
        if claim.metric == "latency_mean":
            assert drive.generator in CLOSED
        if claim.metric == "error_rate":
            assert drive.kill, "a trial with errors fails, unless its plan asks for them"
    cells = {(place.workload, place.load) for place in places}
    if len(places) > 1 and len(cells) == 1:
        pairs = [{each.baseline, each.candidate} for each in plan.comparisons]
        assert {place.subject for place in places} in pairs, "no gate would judge the comparison"


@pytest.mark.parametrize("claim", TESTED)
def test_its_plan_gives_verdicts_and_says_what_it_assumes(claim):
    plan = resolved(claim.test.plan).plan
    if not isinstance(claim, Runs):
        assert plan.profile == "vm"
        assert plan.blocks >= FEWEST_BLOCKS
    assert plan.assumptions


def test_every_stated_condition_that_can_be_read_binds_a_claim():
    """A leaf whose subject no claim of its set has would be compared with nothing."""
    bound = set()
    for param in TESTED:
        (claim,) = param.values
        for group in claim.conditions:
            for leaf, condition in LEDGER.conditions[group].items():
                if condition.subject in {None, *claim.subjects}:
                    bound.add((group, leaf))
    read = {
        (group, leaf)
        for group, leaves in LEDGER.conditions.items()
        for leaf, condition in leaves.items()
        if condition.reading
    }
    assert read - bound == set()


def test_plans_on_the_same_rows_share_a_template():
    large = {
        plan.name: plan.seed
        for path in checkout.PLANS.glob("*.yaml")
        for plan in [load_plan(str(path))]
        if plan.dataset.users == 1_000_000
    }
    assert len(large) > 5
    assert len(set(large.values())) == 1, "a million rows would be made once for each seed"
