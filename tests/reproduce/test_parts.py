"""Which claims, which plans, which bundles: what is decided before anything is run."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
import yaml

from analysis.inference import findable_effect
from bundle import typed
from bundle.documents.services import StackOutcome
from ormlab import plan as plans
from ormlab.base.errors import LedgerError
from ormlab.judging.ledger import examine, load
from ormlab.plan import duration, resolve, under
from ormlab.reproduce import Request, choice, existing, propose, stacks
from ormlab.verify import verify
from tests.reproduce.conftest import dumped, plan, test_of
from tests.verify import recorded


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A sealed bundle of the plan ``recorded``; no test may change it."""
    return recorded.make(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def bundle(made, tmp_path):
    return recorded.copy(made, tmp_path / "copied")


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["first.*"], ["first.direction", "first.two-statements", "first.one-statement"]),
        (["taste", "runs.asyncpg"], ["runs.asyncpg", "taste"]),
        (["*.direction", "first.direction"], ["first.direction", "second.direction"]),
    ],
)
def test_claims_are_chosen_by_pattern_in_the_ledgers_order(write, patterns, chosen):
    ledger = load(str(write()))
    assert list(choice.claims(ledger, patterns)) == chosen
    assert choice.claims(ledger, []) == tuple(ledger.ledger.claims)
    with pytest.raises(LedgerError, match=r"no claim fits 'none\.\*'"):
        choice.claims(ledger, [*patterns, "none.*"])


def test_a_claim_needs_the_plans_of_its_variants_too(write):
    ledger = load(str(write())).ledger
    found = choice.plans(ledger, ["second.direction", "taste"])
    assert found == {"first": ("second.direction",), "second": ("second.direction",)}
    assert choice.stacks_alone(ledger, ["runs.asyncpg"]) == {"asyncpg"}
    assert choice.stacks_alone(ledger, ["runs.asyncpg", "first.direction"]) is None


def test_starting_a_service_is_more_than_making_its_stack(write):
    path = write()
    path.write_text(path.read_text().replace("through: import", "through: start"))
    assert choice.stacks_alone(load(str(path)).ledger, ["runs.asyncpg"]) is None


def test_the_stacks_alone_keep_the_name_of_their_plan_and_drop_all_that_costs():
    whole = resolve(plans.load("stacks"))
    small = stacks.alone(whole, {"sqlalchemy-published", "tortoise-published"})
    assert small.plan.name == whole.plan.name
    assert set(small.stacks) == {"published"}
    assert len(small.trials) == 2
    assert small.sha256 != whole.sha256
    # What the bundle holds of it gives the same plan again, which `ormlab verify` asks.
    assert resolve(small.plan).sha256 == small.sha256


@pytest.mark.parametrize("name", ["explain", "controls", "headline"])
def test_a_plan_that_is_resolved_twice_is_the_same_plan(name):
    whole = resolve(plans.load(name))
    assert resolve(whole.plan).sha256 == whole.sha256


def test_a_plan_under_another_profile_changes_what_the_profile_decides_and_no_more():
    controls = plans.load("controls")
    assert controls.profile == "vm"
    assert under(controls, "vm") is controls
    bare = under(controls, "bare-metal")
    assert bare.margins["throughput"] == 0.03
    assert bare.positive_control.delta == 2 * 0.03
    assert bare.blocks == controls.blocks
    assert under(controls, "smoke").blocks == 3
    assert under(plans.load("stacks"), "vm").blocks == 20
    own = controls.model_copy(update={"margins": {**controls.margins, "throughput": 0.2}})
    assert under(own, "bare-metal").margins["throughput"] == 0.2
    assert under(own, "bare-metal").positive_control == own.positive_control


def test_a_bundle_serves_if_it_is_of_the_same_resolved_plan_and_sound(bundle, tmp_path):
    assert existing.of_plan(tmp_path / "nowhere", "recorded") == []
    assert existing.of_plan(bundle.parent, "demo") == []
    (found,) = existing.of_plan(bundle.parent, "recorded")
    digest = found.record.plan.sha256
    assert existing.weighed([found], {"0" * 64}, trials=True) == ((), ())
    # What was derived is made anew, whatever has happened to it.
    (bundle / "derived/results.json").write_text("{}")
    assert existing.weighed([found], {digest}, trials=True) == ((found,), ())

    def flaw(each):
        serving, (aside,) = existing.weighed([each], {digest}, trials=True)
        assert serving == ()
        return aside.flaw

    none = msgspec.structs.replace(found.record.trials, completed=0)
    empty = replace(found, record=msgspec.structs.replace(found.record, trials=none))
    assert flaw(empty) == "it has no completed trial"
    assert existing.weighed([empty], {digest}, trials=False) == ((empty,), ())
    aborted = msgspec.structs.replace(found.record, status="aborted")
    assert flaw(replace(found, record=aborted)) == "it was interrupted"
    (bundle / recorded.WRK / "wrk.json").unlink()
    assert flaw(found).startswith("it does not verify: ")


def test_stacks_that_lacked_something_of_the_host_are_tried_again(bundle, tmp_path):
    assert existing.lacked(bundle) is None
    place = next(bundle.glob("services/*/stack.json"))
    outcome = typed.read(bundle, StackOutcome, place.relative_to(bundle).as_posix())
    python = msgspec.structs.replace(outcome.python, c_compiler=None)

    def lacked(**changes):
        kept = tmp_path / "b/services/s/stack.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.encode(msgspec.structs.replace(outcome, **changes)))
        return existing.lacked(tmp_path / "b")

    assert lacked(ok=True, python=python) is None
    assert lacked(ok=False, python=python).startswith("there was no C compiler for the stack")
    assert lacked(ok=False, python=None).startswith("there was no interpreter for the stack")


def test_the_proposal_says_how_long_and_what_it_finds(write, tmp_path):
    ledger = write(profile="vm", blocks=10)
    proposal = propose(Request(load(str(ledger)), tmp_path / "bundles", ("second.direction",)))
    first, second = proposal.steps
    assert [step.resolved.plan.name for step in proposal.steps] == ["first", "second"]
    assert first.finds is None  # a smoke run
    assert second.finds.least == findable_effect(0.03, 10)
    assert second.finds.most == findable_effect(0.15, 10)
    assert "3 to 15 %" in second.finds.basis
    guessed = duration(second.resolved)
    assert second.expected_s == guessed.expected_s + guessed.around_s
    smoke = propose(Request(load(str(ledger)), tmp_path, ("second.*",), profile="smoke"))
    assert [step.resolved.plan.blocks for step in smoke.steps] == [1, 3]


def test_a_profile_leaves_out_plans_and_the_proposal_says_which_claims_a_run_may_decide(
    write, tmp_path
):
    path = write(profile="vm", blocks=10)
    made = yaml.safe_load(path.read_text())
    size = made["claims"]["first.two-statements"] | {"metric": "throughput", "value": 900}
    made["claims"]["size"] = size | {
        "portability": "same-fingerprint",
        "tolerance": {"relative": 0.05, "reason": "a margin"},
        "test": test_of("second", arms={"asyncpg": {"subject": "asyncpg"}}),
    }
    path.write_text(dumped(made))

    def proposed(profile, *patterns):
        return propose(Request(load(str(path)), tmp_path / "bundles", patterns, profile))

    both = {
        step.resolved.plan.name: step for step in proposed("vm", "second.direction", "size").steps
    }
    first, second = both["first"], both["second"]
    assert (first.decides, first.varies) == ((), ("second.direction",))
    assert (second.claims, second.decides) == (
        ("second.direction", "size"),
        ("second.direction",),
    )
    alone = proposed("vm", "size")
    assert alone.steps == ()
    (left_out,) = alone.left_out
    assert (left_out.plan, left_out.claims) == ("second", ("size",))
    assert left_out.why == "size: a size that holds on the source's own machine"
    assert [each.decides for each in proposed("bare-metal", "size").steps] == [("size",)]
    assert proposed(None, "size").left_out == ()

    omitted = {"vm": {"omitted": "another plan tests it"}}
    (path.parent / "plans/second.yaml").write_text(dumped(plan("second", profiles=omitted)))
    (left_out,) = proposed("vm", "second.direction").left_out
    assert (left_out.plan, left_out.why) == ("second", "another plan tests it")


def test_the_article_is_tried_in_about_an_hour_on_a_virtual_machine(tmp_path):
    proposal = propose(Request(load("article"), tmp_path, profile="vm"))
    # At most: half of the trials of nplus1-tail end 20 s before their time is up.
    assert proposal.expected_s <= 66 * 60
    decided = {claim for step in proposal.steps for claim in step.decides}
    ledger = load("article").ledger
    orders = {
        name
        for name, claim in ledger.claims.items()
        if not choice.undecided(ledger, name, "vm") and getattr(claim, "test", None)
    }
    assert decided == orders


def test_an_earlier_run_of_the_plan_tells_what_it_finds_and_how_long_it_takes(bundle, write):
    ledger = write()
    made = plan("recorded", profile="vm", blocks=12)
    made["loads"] = {"client": {**made["loads"]["client"], "connections": 4}}
    (ledger.parent / "plans/recorded.yaml").write_text(dumped(made))
    ledger.write_text(ledger.read_text().replace("plan: second", "plan: recorded"))
    proposal = propose(Request(load(str(ledger)), bundle.parent, ("second.direction",)))
    step = next(each for each in proposal.steps if each.resolved.plan.name == "recorded")
    assert step.existing == ()
    assert step.finds.basis == f"by the spread in {bundle.name}"
    assert step.expected_s != duration(step.resolved).expected_s


def test_a_plan_beside_the_ledger_counts_if_it_is_of_that_name(write):
    path = write()
    assert examine(path)[1] == []
    (path.parent / "plans/second.yaml").write_text(dumped(plan("third")))
    assert {problem.code for problem in examine(path)[1]} == {"plan-unknown"}
    # In a bundle the plan need not be there any more.
    assert examine(path, recorded=True)[1] == []


def test_a_sealed_ledger_that_expands_without_end_does_not_hold_up_its_verification(bundle):
    doubled = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    recorded.add(bundle, "inputs/claims.yaml", f"a0: &a0 [x, x]\n{doubled}".encode())
    recorded.seal_again(bundle)
    found = {problem.code for problem in verify(bundle, level="L2").problems}
    assert "ledger-digest" in found
