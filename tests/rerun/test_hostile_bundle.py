"""A stranger's bundle run again: nothing of it is written or executed before consent."""

from __future__ import annotations

import json
import shutil

import pytest

from bundle.verify import verify
from ormlab.base.errors import UsageError
from ormlab.hosts import inventory as inventories
from ormlab.run import rerun
from tests.bundle.making import snapshot
from tests.hostile import making
from tests.hostile.run import TABLE
from tests.resume.conftest import inventory, lab, lab_root
from tests.verify import recorded
from workloads import stacks

__all__ = ["inventory", "lab", "lab_root"]

_PATHS = [each for each in TABLE if each.kind == "names" and each.name.startswith("stack_")]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return recorded.make(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def made(name, sound, tmp_path, outside):
    (each,) = (each for each in TABLE if each.name == name)
    bundle = making.make(each, sound, tmp_path / "hostile", outside)
    assert verify(bundle, "L1").ok
    return bundle


def ended(process):
    out, err = process.communicate()
    return process.returncode, json.loads(out) if out.strip() else None, err


@pytest.mark.parametrize("name", [each.name for each in _PATHS])
def test_a_stack_that_is_a_path_is_refused_and_nothing_is_written(
    name, sound, tmp_path, outside, lab
):
    bundle = made(name, sound, tmp_path, outside)
    before = snapshot(stacks.FOLDER), snapshot(outside)
    process = lab.start("rerun", bundle, "--yes", "--trust-locks", "--bundles", lab.bundles)
    code, told, _ = ended(process)
    assert code == 2, told
    assert told["problems"][0]["code"] in {"plan-unreadable", "locks-refused"}
    assert (snapshot(stacks.FOLDER), snapshot(outside)) == before
    assert not list(lab.bundles.glob("*"))


def test_a_lock_that_names_a_forged_wheel_is_refused_and_nothing_is_installed(
    sound, tmp_path, outside, lab
):
    bundle = made("lock_names_a_forged_wheel", sound, tmp_path, outside)
    process = lab.start("rerun", bundle, "--yes", "--trust-locks", "--bundles", lab.bundles)
    code, told, _ = ended(process)
    (problem,) = told["problems"]
    assert (code, problem["code"]) == (2, "locks-refused")
    assert "current.txt:1: an option of an installer" in problem["what"]
    assert snapshot(outside) == {}


@pytest.fixture
def foreign(sound, tmp_path):
    """A bundle whose lock is sound, and not the checkout's."""
    bundle = tmp_path / "foreign" / sound.name
    shutil.copytree(sound, bundle)
    shutil.rmtree(bundle / "derived")
    text = (bundle / making.LOCK).read_text()
    making.lock_is(bundle, f"# another lock\n{text}")
    return making.sealed(bundle)


def test_what_would_be_executed_is_said_and_locks_are_compared(foreign, lab):
    code, told, _ = ended(lab.start("rerun", foreign, "--dry-run"))
    assert code == 0
    assert told["schema"] == "ormlab-rerun-proposal/1"
    assert told["locks"] == {"stacks.toml": "same", "current.txt": "other"}
    assert told["plan"]["trials"] == 8
    assert told["stacks"][0]["name"] == "current"
    assert told["source"]["measured_by"] == "72bdb36dc094d82466c0c9a70ea5685f8f74957e"
    assert not list(lab.bundles.glob("*"))


@pytest.mark.parametrize(
    ("options", "code"), [([], "locks-foreign"), (["--trust-locks"], "rerun-unconfirmed")]
)
def test_nothing_is_executed_without_consent(foreign, lab, options, code):
    process = lab.start("rerun", foreign, *options, "--bundles", lab.bundles)
    status, told, err = ended(process)
    (problem,) = told["problems"]
    assert (status, problem["code"]) == (2, code)
    assert problem["hint"]
    assert "current.txt: NOT the one of this checkout" in err
    assert not list(lab.bundles.glob("*"))


def test_a_bundle_that_was_replaced_meanwhile_is_refused(sound, foreign, inventory, tmp_path):
    hosts = inventories.load(inventory)
    proposal = rerun.propose(sound)
    assert proposal.foreign == ()
    with pytest.raises(UsageError) as refused:
        rerun.rerun(foreign, hosts, tmp_path / "out", proposal, progress=None)
    assert refused.value.code == "bundle-replaced"
    with pytest.raises(UsageError) as refused:
        rerun.rerun(foreign, hosts, tmp_path / "out", rerun.propose(foreign), progress=None)
    assert refused.value.code == "locks-foreign"
    assert not (tmp_path / "out").exists()
