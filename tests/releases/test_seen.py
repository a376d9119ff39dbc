"""What an archive has is read from its bundles, however they ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from packaging.version import Version

from bundle.documents.subject import Subject
from bundle.format import Plan
from bundle.write import BundleWriter
from ormlab.archive.keep import add
from ormlab.archive.runs import read_runs
from ormlab.releases.seen import seen
from tests.bundle import making
from tests.plan import small

HASH = f"--hash=sha256:{'0' * 64}"
SUBJECT = Subject(service="sqlalchemy", stack="none")


def compared(parent, old, new, *, day=0, name="compare", status="complete", pool=10, lock=True):
    """Seal a run of two releases, as far as the watch looks at one."""
    stacks = {f"sqlalchemy-{role}": each for role, each in (("old", old), ("new", new))}
    subjects = {
        stack: {"service": "sqlalchemy", "stack": stack, "pool": {"size": pool}} for stack in stacks
    }
    baseline, candidate = subjects
    pair = {"baseline": baseline, "candidate": candidate}
    plan = small.sealed(name=name, subjects=subjects, comparisons=[pair])
    created = making.CREATED + timedelta(days=day)
    with BundleWriter.create(parent, plan_sha256=making.PLAN_SHA256, created=created) as writer:
        document = yaml.safe_dump(plan.model_dump(mode="json", by_alias=True))
        writer.add("inputs/plan.yaml", document.encode())
        for stack, version in stacks.items() if lock else ():
            pins = f"aiohttp==3.14.5 {HASH}\nsqlalchemy=={version} {HASH}\n"
            writer.add(f"inputs/locks/{stack}.txt", pins.encode())
        making.write_trial(writer, 1)
        return writer.seal(
            making.record_for(
                writer,
                completed=1,
                status=status,
                plan=Plan(sha256=making.PLAN_SHA256, name=name),
                sealed=created + timedelta(hours=1),
            )
        )


@pytest.fixture
def keep(tmp_path):
    """Archives a run of two releases; gives its id."""
    days = iter(range(100))

    def archived(old, new, **how):
        bundle = compared(tmp_path / "bundles", old, new, day=next(days), **how)
        return add(bundle, tmp_path / "archive").line.id

    return archived


def had(tmp_path, subject=SUBJECT, plan="compare"):
    runs = read_runs(tmp_path / "archive")
    return seen(tmp_path / "archive", runs, plan, subject, "sqlalchemy")


def test_a_release_was_seen_if_it_was_compared_with_another_one(tmp_path, keep):
    keep("2.0.43", "2.0.44")
    last = keep("2.0.43", "2.0.44")
    other = keep("2.0.44", "2.1.0", status="aborted")
    assert had(tmp_path) == {Version("2.0.44"): last, Version("2.1.0"): other}


@pytest.mark.parametrize(
    ("old", "how"),
    [
        ("2.0.44", {}),  # itself, as a null control has it
        ("2.0.43", {"name": "headline"}),
        ("2.0.43", {"pool": 5}),
        ("2.0.43", {"lock": False}),
    ],
)
def test_other_plans_and_settings_and_what_nobody_can_tell_do_not_count(tmp_path, keep, old, how):
    keep(old, "2.0.44", **how)
    assert had(tmp_path) == {}


def test_settings_and_plan_are_those_that_are_asked_for(tmp_path, keep):
    keep("2.0.43", "2.0.44", name="headline", pool=5)
    wanted = Subject.model_validate({**SUBJECT.model_dump(), "pool": {"size": 5}})
    assert had(tmp_path, wanted, "headline").keys() == {Version("2.0.44")}


def test_a_bundle_that_was_changed_or_is_gone_was_not_seen(tmp_path, keep):
    bundle = tmp_path / "archive" / keep("2.0.43", "2.0.44")
    lock = next(bundle.glob("inputs/locks/sqlalchemy-new.txt"))
    lock.write_bytes(lock.read_bytes().replace(b"2.0.44", b"9.9.99"))
    assert had(tmp_path) == {}
