"""The plan of a comparison: its subjects' names, its blocks, its workload."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ormlab.base import checkout
from ormlab.base.errors import UsageError
from ormlab.compare.plan import Request, make, names
from ormlab.compare.spec import parse
from ormlab.compare.stacks import Locked
from ormlab.plan import duration
from tests.compare.conftest import attempt
from tests.compare.test_spec import SPECS


def request(*texts, **changes):
    given = {"seed": 1, "design": "trials"} | changes
    return Request(specs=tuple(map(parse, texts)), **given)


def resolved(asked):
    return make(asked, Locked(checkout.STACKS, ("current",) * len(asked.specs), ()))


def test_a_comparison_measures_its_first_subject_twice_and_compares_all_others_with_it():
    made = resolved(request("sqlalchemy", "tortoise", "asyncpg"))
    assert list(made.subjects) == ["sqlalchemy", "tortoise", "asyncpg", "sqlalchemy-null"]
    assert made.arms == {"sqlalchemy-null": "sqlalchemy"}
    pairs = [(each.baseline, each.candidate) for each in made.plan.comparisons]
    assert pairs == [("sqlalchemy", "tortoise"), ("sqlalchemy", "asyncpg")]
    assert made.plan.profile == "vm"
    assert resolved(request("sqlalchemy", "tortoise", "asyncpg")).sha256 == made.sha256


@given(st.lists(SPECS, min_size=2, max_size=5))
def test_subjects_have_different_names_that_a_plan_takes(specs):
    called = names(tuple(specs))
    assert len(set(called)) == len(specs)
    assert not any(name in {f"{other}-null" for other in called} for name in called)
    assume(not any(each.stack for each in specs))
    made = resolved(Request(specs=tuple(specs), seed=0, design="trials"))
    assert list(made.plan.subjects) == called


@pytest.mark.parametrize(
    ("texts", "called"),
    [
        (("sqlalchemy", "tortoise"), ["sqlalchemy", "tortoise"]),
        (("sqlalchemy@2.0.21", "sqlalchemy"), ["sqlalchemy-2.0.21", "sqlalchemy"]),
        (("tortoise", "tortoise{pool.size=5}"), ["tortoise", "tortoise-size-5"]),
        (("tortoise", "tortoise"), ["tortoise", "tortoise-2"]),
        (("sqlalchemy", "sqlalchemy+a"), ["sqlalchemy", "sqlalchemy-local"]),
        (("sqlalchemy+a", "sqlalchemy+b"), ["sqlalchemy-a", "sqlalchemy-b"]),
        (("sqlalchemy+a/b/c", "sqlalchemy+a/d/../e/c"), ["sqlalchemy-b", "sqlalchemy-e"]),
        (
            ("sqlalchemy+a", "sqlalchemy+a{pool.size=5}"),
            ["sqlalchemy-local", "sqlalchemy-local-size-5"],
        ),
    ],
)
def test_a_name_says_what_differs(texts, called):
    assert names(tuple(map(parse, texts))) == called


@settings(max_examples=30)  # each resolves a whole plan
@given(
    st.integers(30, 3600),
    st.integers(2, 6),
    st.none() | st.integers(1, 20),
)
def test_the_blocks_fill_the_time_and_never_exceed_it(time_s, count, blocks):
    asked = request(*["asyncpg"] * count, time_s=float(time_s), blocks=blocks)
    made, refused = attempt(resolved, asked)
    if refused:
        assert refused.code == "time-too-short"
        return
    taken = duration(made)
    assert taken.expected_s < time_s + 1e-6
    # Durations are multiples of 0.05 s, and a block more would not fit with the shortest ones.
    step = 0.05 * len(made.trials)
    assert taken.expected_s > time_s - step - 1e-6
    assert blocks is None or made.plan.blocks == blocks
    assert 1 <= made.plan.blocks <= 20


def test_the_default_time_gives_blocks_enough_for_every_verdict():
    assert 10 <= resolved(request("sqlalchemy", "tortoise")).plan.blocks <= 15


def test_a_time_too_short_says_how_much_is_needed():
    with pytest.raises(
        UsageError, match=r"1 block of 3 deployments takes at least \d+ s"
    ) as refused:
        resolved(request("sqlalchemy", "tortoise", time_s=5.0))
    assert refused.value.where == "--time"


def test_the_workload_of_a_shipped_plan_comes_with_its_rows():
    made = resolved(request("sqlalchemy", "tortoise", mix="headline"))
    assert list(made.plan.workloads) == ["crud"]
    assert made.plan.dataset.users == 1_000_000
    assert len(made.plan.workloads["crud"].operations) == 4
    chosen = resolved(request("sqlalchemy", "tortoise", mix="nplus1/lazy"))
    assert list(chosen.plan.workloads) == ["lazy"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"operation": "read-usr"}, "operation-invalid"),
        ({"operation": "users-with-orders"}, "operation-invalid"),
        ({"operation": "users-with-orders:eager"}, "operation-invalid"),
        ({"operation": "read-user:join"}, "operation-invalid"),
        ({"mix": "nplus1"}, "workload-unknown"),
        ({"mix": "headline/red"}, "workload-unknown"),
        ({"mix": "no-such-plan"}, "plan-missing"),
        ({"margin": 1.5}, "plan-invalid"),
    ],
)
def test_a_workload_that_does_not_exist_is_one_clear_error(changes, code):
    with pytest.raises(UsageError) as refused:
        resolved(request("sqlalchemy", "tortoise", **changes))
    assert refused.value.code == code
    assert refused.value.hint


def test_a_margin_is_that_of_its_metric_alone():
    made = resolved(request("sqlalchemy", "tortoise", metric="p99", margin=0.2))
    assert made.plan.margins["p99"] == 0.2
    assert (
        made.plan.margins["throughput"]
        == resolved(request("asyncpg", "tortoise")).plan.margins["throughput"]
    )
