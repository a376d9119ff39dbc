"""A bundle run again: with its own locks, named by its seal, or refused with the reason."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import yaml

from bundle.read import Bundle
from ormlab import plan
from ormlab.base import checkout
from ormlab.base.errors import UsageError
from ormlab.judging.diff import diff
from ormlab.run import recorded as kept
from ormlab.run import rerun, resume
from ormlab.run.measure import record
from ormlab.run.measure.deployment import source_archive
from ormlab.verify import verify
from tests.resume.conftest import finished_run, inventory, lab, lab_root
from tests.run.test_run import path_without_wrk
from tests.verify import recorded

__all__ = ["finished_run", "inventory", "lab", "lab_root"]


def test_a_rerun_names_the_seal_and_differs_in_nothing_but_its_figures(lab, finished_run):
    first = finished_run.bundle
    process = lab.start("rerun", first, "--yes", "--bundles", lab.bundles / "again")
    out, err = process.communicate()
    assert process.returncode == 0, err
    told = json.loads(out)
    assert told["schema"] == "ormlab-rerun/1"
    second = lab.bundles / "again" / told["results"]["bundle"]
    assert verify(second).ok
    original, again = Bundle.open(first), Bundle.open(second)
    assert again.record.rerun_of == original.seal
    assert again.record.plan == original.record.plan
    assert json.loads((second / "inputs/rerun.json").read_bytes())["bundle"] == first.name
    compared = diff(first, second)
    assert compared.relation.is_rerun
    assert compared.relation.same_host
    assert not compared.changes
    assert {each.metric for each in compared.agreements} >= {"throughput", "p50"}


@pytest.fixture
def older_lock(tmp_path):
    """The inputs of a run that was made with another lock than the checkout has."""
    then = tmp_path / "then"
    shutil.copytree(checkout.STACKS, then, ignore=shutil.ignore_patterns("*.py"))
    with (then / "current.txt").open("a") as lock:
        lock.write("# as it was\n")
    bundle = tmp_path / "bundle"
    for path, data in record.inputs(plan.resolve(plan.load("demo"), stacks_folder=then)).items():
        (bundle / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / path).write_bytes(data)
    return bundle


def test_the_recorded_lock_is_used_and_shipped_not_the_one_of_the_checkout(older_lock, tmp_path):
    today = plan.resolve(plan.load("demo"))
    stacks = kept.lay_out(older_lock, tmp_path / "stacks")
    resolved = kept.resolve_again(older_lock, stacks)
    assert resolved.document == (older_lock / "inputs/plan.yaml").read_bytes()
    assert resolved.stacks["current"].digest() != today.stacks["current"].digest()
    rerun.require_same_run(older_lock, resolved)
    resume.require_same_inputs(older_lock, resolved)
    shipped = source_archive(checkout.ROOT, stacks)
    assert b"# as it was\n" in shipped
    assert b"# as it was\n" not in source_archive(checkout.ROOT, checkout.STACKS)
    with pytest.raises(UsageError, match=r"locks/current.txt is another one"):
        resume.require_same_inputs(older_lock, today)


def honour(bundle, scratch):
    """What `rerun` does before it touches a host."""
    stacks = kept.lay_out(bundle, scratch / "stacks")
    return rerun.require_same_run(bundle, kept.resolve_again(bundle, stacks))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("locks/current.txt", "# as it was", "# as it never was"), "stack-lost"),
        (("locks/stacks.toml", "[stacks.current]", "[stacks.other]"), "locks-refused"),
        (("locks/stacks.toml", 'exclude_newer = "', 'exclude_newer = "x'), "locks-refused"),
        (("plan.yaml", "blocks: 8", "blocks: 7"), "plan-differs"),
        (("plan.yaml", "service: asyncpg", "service: nobody"), "service-unknown"),
        (("plan.yaml", "service: asyncpg", "service: /tmp/x"), "plan-unreadable"),
        (("plan.yaml", "schema:", "schema: ["), "plan-unreadable"),
    ],
)
def test_inputs_that_cannot_be_honoured_are_refused(older_lock, tmp_path, change, code):
    file, old, new = change
    path = older_lock / "inputs" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        honour(older_lock, tmp_path)
    assert refused.value.code == code
    assert refused.value.hint


def test_what_a_newer_version_adds_and_another_source_are_said(older_lock, tmp_path):
    path = older_lock / "inputs/plan.yaml"
    written = yaml.safe_load(path.read_bytes())
    del written["plan"]["assumptions"]
    path.write_text(yaml.safe_dump(written, sort_keys=False))
    source = older_lock / "inputs/source.json"
    source.write_text(json.dumps(json.loads(source.read_bytes()) | {"commit": "f" * 40}))
    said = honour(older_lock, tmp_path)
    assert any("plan.assumptions" in line and "this version adds" in line for line in said)
    assert any("f" * 40 in line and "is the same" in line for line in said)


def test_a_host_without_the_generator_is_refused_before_anything_starts(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", path_without_wrk(tmp_path, os.environ["PATH"]))
    bundle = recorded.make(tmp_path)
    process = lab.start("rerun", bundle, "--yes", "--bundles", lab.bundles)
    out, _ = process.communicate()
    assert process.returncode == 8, out
    assert json.loads(out)["problems"][0]["code"] == "generator-missing"
    assert not list(lab.bundles.glob("*"))


def test_an_unsealed_run_cannot_be_run_again(lab, tmp_path):
    bundle = recorded.make(tmp_path)
    (bundle / "SEAL.json").unlink()
    process = lab.start("rerun", bundle, "--yes", "--bundles", lab.bundles)
    out, _ = process.communicate()
    assert (process.returncode, json.loads(out)["problems"][0]["code"]) == (3, "not-sealed")
