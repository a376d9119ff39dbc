"""Two bundles side by side: what changed is listed, and the first sentence says what it means."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from bundle import typed
from bundle.documents.host import HostFacts
from bundle.errors import NotSealedError
from ormlab.base.errors import UsageError
from ormlab.cli.diff import diff_text
from ormlab.hosts.fingerprint import fingerprint
from ormlab.judging.diff import Relation, diff
from tests.bundle import making
from tests.cli.inside import ormlab
from tests.verify import recorded


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return recorded.make(tmp_path_factory.mktemp("original"))


@pytest.fixture
def other(original, tmp_path):
    """A second bundle: the first with another seal, until a test changes more."""
    bundle = recorded.copy(original, tmp_path / "other")
    making.edit_json(bundle / "bundle.json", sealed="2026-11-24T23:00:00Z")
    making.edit_json(bundle / "SEAL.json", sealed_at="2026-11-24T23:00:00Z")
    seal(bundle)
    return bundle


def seal(bundle):
    shutil.rmtree(bundle / "derived", ignore_errors=True)
    making.relist(bundle)
    making.reseal(bundle)


def move_to_another_host(bundle):
    path = bundle / "host/facts.before.json"
    recorded.change(path, lambda facts: facts["facts"].update(cpu_model="AMD Ryzen 9 7950X"))
    digest = fingerprint({"host-1": typed.read(bundle, HostFacts)})
    making.edit_json(bundle / "host/fingerprint.json", sha256=digest)
    making.edit_json(bundle / "bundle.json", host=digest)
    seal(bundle)


def test_nothing_changed_but_the_seal(original, other):
    told = diff(original, other)
    assert told.changes == []
    assert told.relation == Relation(same_host=True, is_rerun=False, host_sd=None)
    assert "nothing else changed" in told.conclusion
    assert {each.ratio for each in told.agreements} == {1.0}
    assert {each.method for each in told.agreements} == {"welch"}
    # Two blocks on a noisy machine cannot say that nothing moved.
    assert told.verdict == "open"
    assert told.bundles[0].seal != told.bundles[1].seal


def test_each_change_stands_in_its_area(original, other):
    stack, sql = (other / f"services/tortoise/{name}.json" for name in ("stack", "sql"))
    recorded.change(stack, lambda told: told["packages"].update({"tortoise-orm": "9.9.9"}))
    operation = next(iter(json.loads(sql.read_bytes())["operations"]))
    recorded.change(
        sql, lambda told: told["operations"][operation].update(round_trips_per_request=7)
    )
    making.edit_json(other / "inputs/source.json", commit="f" * 40)
    recorded.change(other / "host/postgres.json", lambda told: told.update(version="16.99"))
    plan = yaml.safe_load((other / "inputs/plan.yaml").read_bytes())
    plan["plan"]["margins"]["throughput"] = 0.2
    (other / "inputs/plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    seal(other)
    told = diff(original, other)
    found = {(each.area, each.at): each.after for each in told.changes}
    assert found == {
        ("host", "postgres.version"): "16.99",
        ("stack", "current.packages.tortoise-orm"): "9.9.9",
        ("plan", "plan.margins.throughput"): 0.2,
        ("sql", f"tortoise.{operation}.round_trips_per_request"): 7,
        ("tool", "commit"): "f" * 40,
    }
    assert "changed: host (1), stack (1), plan (1), sql (1), tool (1)" in told.conclusion
    text = diff_text(told)
    assert text.splitlines()[0] == told.conclusion
    for area, at in found:
        assert f"{area}: 1 changed" in text
        assert at in text


def test_on_another_host_it_is_held_against_what_hosts_differ_by(original, other, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    move_to_another_host(other)
    told = diff(original, other, host_sd=0.2)
    assert told.relation == Relation(same_host=False, is_rerun=False, host_sd=0.2)
    assert ("host", "cpu_model") in {(each.area, each.at) for each in told.changes}
    assert {each.method for each in told.agreements} == {"prediction"}
    assert "on two hosts" in told.conclusion
    assert "expected range" in diff_text(told)


def test_an_archive_is_compared_as_the_folder_is(other):
    told = diff(recorded.ARCHIVE, other)
    assert told.bundles[0].id == other.name
    assert told.changes == []


def test_what_cannot_be_compared_is_refused(original, other):
    with pytest.raises(UsageError, match="both are the bundle"):
        diff(original, recorded.ARCHIVE)
    (other / "SEAL.json").unlink()
    with pytest.raises(NotSealedError):
        diff(original, other)


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 5)])
def test_the_command_prints_one_document_and_is_strict_when_asked(original, other, options, code):
    answer = ormlab("diff", original, other, "--json", *options, code=code)
    told = json.loads(answer.stdout)
    assert (told["schema"], told["ok"], told["diff"]["schema"]) == ("ormlab-diff/1", True, "diff/1")
    assert told["diff"]["verdict"] == "open"
