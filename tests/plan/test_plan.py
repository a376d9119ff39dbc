from __future__ import annotations

import itertools

import pytest
import yaml

from ormlab.base import checkout
from ormlab.base.errors import Exit, PlanError
from ormlab.plan import load, resolve, under
from ormlab.plan.schedule import schedule, williams
from tests.plan.small import PLAN


@pytest.fixture
def write(tmp_path):
    def write_plan(text: str = PLAN):
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return path

    return write_plan


def test_a_profile_that_is_asked_for_leaves_out_what_the_plan_says(write):
    reduced = "profiles: {vm: {blocks: 6, seconds: {wrk: 3}, without: {b: it tells nothing here}}}"
    written = load(str(write(f"{PLAN}null_arm: a\n{reduced}\n")))
    assert len(resolve(written).subjects) == 3
    made = under(written, "vm")
    assert (made.blocks, list(made.subjects), made.comparisons) == (6, ["a"], [])
    assert (made.loads["wrk"].duration_s, written.loads["wrk"].duration_s) == (3, 1)
    assert made.assumptions == ["the profile vm leaves out b: it tells nothing here"]
    assert resolve(made).sha256 == resolve(resolve(made).plan).sha256
    smoke = under(written, "smoke")
    assert (smoke.blocks, list(smoke.subjects)) == (2, ["a", "b"])


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("seed: 7", "seed: 7\nsede: 8", 6, "sede: unknown key"),
        ("duration_s: 1", "duration_s: -1", 14, "loads.wrk.duration_s: "),
        ("duration_s: 1", "duration_s: 1.5", 14, "loads.wrk.duration_s: "),
        ("connections: 8", "connections: 9", 14, "threads must divide connections"),
        ("service: tortoise", "service: pony", 10, "subjects.b.service: "),
        ("read-user", "read-uesr", 12, "no operation is called read-uesr"),
        ("candidate: b", "candidate: c", 1, "there is no subject 'c'"),
        ("generator: wrk", "generator: ab", 14, "generator"),
        ("blocks: 2", "blocks: two", 6, "blocks: "),
        ("blocks: 2", "blocks: 2\nbeta: 0.051", 7, "beta: "),
        ("blocks: 2", "blocks: 2\nbeta: -0.001", 7, "beta: "),
        ("blocks: 2", "blocks: 2\nprofiles: {vm: {without: {c: x}}}", 7, "'c' is no subject"),
        ("blocks: 2", "blocks: 2\nprofiles: {vm: {without: {wrk: x}}}", 7, "leaves no loads"),
        ("blocks: 2", "blocks: 2\nprofiles: {vm: {seconds: {a: 1}}}", 7, "'a' is no load"),
        (
            "blocks: 2",
            "blocks: 2\nnull_arm: a\nprofiles: {vm: {without: {a: x}}}",
            8,
            "cannot be left out",
        ),
        ("seed: 7", "seed: 7\nseed: 8", 6, "the key 'seed' stands twice"),
        ("name: small", "name: ../up", 2, "name: "),
        (
            "title: A small plan",
            "title: !!python/name:os.system",
            3,
            "the tag tag:yaml.org,2002:python",
        ),
        ("  a: {service: asyncpg}", "  a: &x {service: asyncpg}\n  c: *x", 10, "an alias is used"),
        ("blocks: 2", "blocks: [", 8, "expected ',' or ']'"),
    ],
)
def test_a_wrong_plan_gets_an_error_with_its_line(write, old, new, line, said):
    assert old in PLAN
    path = write(PLAN.replace(old, new))
    with pytest.raises(PlanError) as refused:
        load(str(path))
    assert f"{path}:{line}: " in refused.value.what
    assert said in refused.value.what
    assert refused.value.exit_code == Exit.USAGE


def test_a_plan_may_say_what_deployments_keep_and_one_that_does_not_has_the_default(write):
    assert load(str(write())).beta == 0.005
    assert load(str(write(PLAN + "beta: 0\n"))).beta == 0
    assert resolve(load(str(write(PLAN + "beta: 0.01\n")))).sealed.plan.beta == 0.01


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("dispach: {high: 2, reason: a typo}", "there is no gate 'dispach'"),
        ("dispatch: {low: 2, reason: the wrong side}", "the gate dispatch has no low side"),
    ],
)
def test_a_limit_that_would_change_nothing_is_refused(write, gate, said):
    plan = load(str(write(f"{PLAN}gates:\n  {gate}\n")))
    with pytest.raises(PlanError) as refused:
        resolve(plan)
    assert said in refused.value.what
    assert refused.value.exit_code == Exit.USAGE


def test_a_limit_needs_a_side_and_a_reason(write):
    for gate in ("dispatch: {high: 2}", "dispatch: {reason: none of them}"):
        with pytest.raises(PlanError) as refused:
            load(str(write(f"{PLAN}gates:\n  {gate}\n")))
        assert "gates.dispatch" in refused.value.what


def test_every_problem_is_listed_at_once(write):
    path = write(PLAN.replace("blocks: 2", "blocks: 0").replace("seed: 7", "seed: -1"))
    with pytest.raises(PlanError) as refused:
        load(str(path))
    assert len(refused.value.what.splitlines()) == 2


def test_a_missing_plan_names_the_nearest_and_the_command_that_lists_them():
    with pytest.raises(PlanError) as refused:
        load("hedline")
    assert "did you mean 'headline'?" in refused.value.hint
    assert "`ormlab plans`" in refused.value.hint


@pytest.mark.parametrize("path", sorted(checkout.PLANS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_plan_resolves_to_a_document_that_says_everything(path):
    resolved = resolve(load(str(path)))
    assert resolved.sha256 == resolve(load(str(path))).sha256
    document = yaml.safe_load(resolved.document)
    assert document["plan"]["name"] == path.stem
    assert len(document["trials"]) == len(resolved.trials) == len(set(document["trials"]))
    assert set(document["stacks"]) == {s.stack for s in resolved.plan.subjects.values()}


def test_the_digest_follows_every_input(write):
    before = resolve(load(str(write()))).sha256
    assert resolve(load(str(write(PLAN.replace("seed: 7", "seed: 8"))))).sha256 != before
    assert resolve(load(str(write(PLAN.replace("blocks: 2", "blocks: 3"))))).sha256 != before


def test_names_that_no_bundle_could_hold_are_refused_before_the_run(write):
    long = "a" * 39
    plan = PLAN.replace("read-one:", f"{long}:").replace("  wrk:", f"  {long}:")
    with pytest.raises(PlanError, match="would have a name of"):
        resolve(load(str(write(plan))))


def test_a_plan_with_no_load_left_is_refused(write):
    with pytest.raises(PlanError, match="wrk is missing"):
        resolve(load(str(write())), omitted_loads={"wrk": "wrk is missing"})


@pytest.mark.parametrize("count", range(1, 12))
def test_in_a_williams_square_every_item_follows_every_other_equally_often(count):
    rows = williams(count)
    assert all(sorted(row) == list(range(count)) for row in rows)
    follows = [(first, then) for row in rows for first, then in itertools.pairwise(row)]
    assert len(set(follows)) == count * (count - 1)
    assert len({follows.count(pair) for pair in set(follows)}) <= 1


def test_each_block_holds_every_subject_once_under_every_load(write):
    plan = load(str(write(PLAN.replace("blocks: 2", "blocks: 9"))))
    trials = schedule(plan, ["a", "b", "c"], ["x", "y"])
    assert [trial.index for trial in trials] == list(range(1, len(trials) + 1))
    for block in range(1, 10):
        cells = [(t.subject, t.load) for t in trials if t.block == block]
        assert sorted(cells) == sorted((s, load) for s in "abc" for load in "xy")


def test_the_seed_decides_the_order(write):
    plan = load(str(write(PLAN.replace("blocks: 2", "blocks: 20"))))
    again = load(str(write(PLAN.replace("blocks: 2", "blocks: 20"))))
    other = load(str(write(PLAN.replace("blocks: 2", "blocks: 20").replace("seed: 7", "seed: 8"))))
    order = [t.id for t in schedule(plan, ["a", "b", "c"], ["x"])]
    assert order == [t.id for t in schedule(again, ["a", "b", "c"], ["x"])]
    assert order != [t.id for t in schedule(other, ["a", "b", "c"], ["x"])]
