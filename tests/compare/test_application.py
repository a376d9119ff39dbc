"""An application at two refs of git is compared by one line."""

import pytest

from ormlab.base.errors import UsageError
from ormlab.compare import course
from ormlab.compare.plan import Request
from ormlab.compare.spec import parse
from tests.subject import guests


@pytest.fixture
def folder(tmp_path):
    """The example at two commits."""
    made = guests.copy(tmp_path)
    guests.commit(made, "first")
    guests.change(made / "guestbook.py", "LIMIT $2", "LIMIT ($2)")
    guests.commit(made, "second")
    return made


def test_two_refs_are_two_subjects_of_one_plan(folder):
    specs = tuple(parse(f"{folder}@{ref}") for ref in ("main~1", "HEAD"))
    commits = [guests.git(folder, "rev-parse", ref) for ref in ("main~1", "HEAD")]
    with course.decided(Request(specs=specs, seed=1)) as resolved:
        plan = resolved.plan
    assert [each.ref for each in plan.subjects.values()] == commits
    assert list(plan.subjects) == [f"guestbook-{each[:7]}" for each in commits]
    assert plan.workloads.keys() == {"read-entry"}
    assert plan.dataset is None
    assert str(folder.parent) not in resolved.document.decode()


def test_settings_and_the_operation_can_be_chosen(folder):
    specs = tuple(parse(f"{folder}{{options.pool={size}}}") for size in (5, 2))
    with course.decided(Request(specs=specs, seed=1, operation="list-entries")) as resolved:
        assert [each.options for each in resolved.subjects.values()][:2] == [
            {"pool": 5},
            {"pool": 2},
        ]
        assert resolved.plan.workloads.keys() == {"list-entries"}


@pytest.mark.parametrize(
    ("what", "told"), [("@nowhere", "'nowhere' cannot be checked out"), ("+/x", "no package")]
)
def test_what_is_no_ref_is_refused(folder, what, told):
    with pytest.raises(UsageError, match=told):
        parse(f"{folder}{what}")
