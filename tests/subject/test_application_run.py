"""An application outside of the lab is deployed, driven, sealed, verified and run again."""

from __future__ import annotations

import json
import shutil

import pytest

from bundle import typed
from bundle.documents.results import Results
from bundle.documents.services import Answers, Effects
from bundle.read import Bundle
from ormlab.verify import verify
from tests.resume.conftest import inventory, lab, lab_root
from tests.subject import guests

__all__ = ["inventory", "lab", "lab_root"]

EVERY = ("read-entry", "list-entries", "sign", "like")
MIXED = {"mixed": {"operations": [{"operation": each} for each in EVERY]}}
SWITCHED = {
    "generator": "client-switchback",
    "connections": 8,
    "duration_s": 0.5,
    "slice_s": 0.25,
    "warmup_s": 0.5,
}
WRK = {"generator": "wrk", "threads": 1, "connections": 8, "duration_s": 1, "warmup_s": 1}
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


def ended(process):
    out, err = process.communicate()
    assert out, err
    return process.returncode, json.loads(out), err


@needs_wrk
def test_two_settings_of_an_application_are_measured_and_sealed(lab, tmp_path):
    guests.copy(tmp_path)
    subjects = {
        "five": {"service": "./guestbook"},
        "three": {"service": "./guestbook", "options": {"pool": 3}},
    }
    loads = {"switched": SWITCHED, "wrk": WRK}
    plan = guests.plan(tmp_path / "p.yaml", subjects, workloads=MIXED, loads=loads)
    code, told, complained = ended(lab.run(plan))
    assert code == 0, complained
    bundle = lab.bundles / told["results"]["bundle"]
    verified = verify(bundle)
    assert verified.ok
    assert verified.doubts == ()
    assert str(tmp_path).encode() not in (bundle / "inputs/plan.yaml").read_bytes()

    # Without its headers and its body no request that writes would have succeeded.
    results = typed.read(bundle, Results)
    assert {each.load for each in results.cells} == {"switched", "wrk"}
    for cell in results.cells:
        assert {name: each.errors for name, each in cell.subjects.items()} == {
            "five": 0,
            "three": 0,
        }
        assert {each.work.answers for each in cell.comparisons} == {"equal"}
    first, other = (typed.read(bundle, Effects, subject=name) for name in subjects)
    assert first == other
    assert (first.tables["entries"].inserted, first.tables["entries"].updated) == (13, 13)
    shown = typed.read(bundle, Answers, subject="five").answers
    assert {each.status for each in shown if each.operation == "sign"} == {201}


def test_two_refs_with_other_answers_and_rows_are_not_compared(lab, tmp_path):
    folder = guests.copy(tmp_path / "repository")
    guests.commit(folder.parent, "first")
    guests.change(folder / "guestbook.py", 'given["text"])', 'given["text"].upper())')
    guests.commit(folder.parent, "second")
    subjects = {
        name: {"service": "./repository/guestbook", "ref": ref}
        for name, ref in (("before", "main~1"), ("after", "main"))
    }
    workloads = {"sign": {"operations": [{"operation": "sign"}]}}
    plan = guests.plan(
        tmp_path / "p.yaml", subjects, workloads=workloads, loads={"switched": SWITCHED}
    )
    code, told, complained = ended(lab.run(plan))
    assert code == 0, complained
    bundle = lab.bundles / told["results"]["bundle"]
    (cell,) = typed.read(bundle, Results).cells
    said = json.dumps(told)
    assert {each.work.answers for each in cell.comparisons} == {"different"}
    assert "before and after answer POST /entries differently: JSON" in said
    assert "the same requests leave other rows in entries" in said


def test_an_application_is_tried_kept_and_run_again_without_its_folder(lab, tmp_path):
    folder = guests.copy(tmp_path)
    check = lab.start("subject", "check", folder, "--time", "2s", "--bundles", lab.bundles)
    code, told, complained = ended(check)
    assert (code, told["why"]) == (0, None), complained
    assert told["operations"].keys() == set(EVERY)
    assert told["operations"]["read-entry"]["statements_per_request"] == 2
    assert told["throughput"].keys() == {"reads", "writes"}
    bundle = lab.bundles / told["bundle"]

    shutil.rmtree(folder)
    again = lab.bundles / "again"
    rerun = lab.start("rerun", bundle, "--yes", "--trust-locks", "--bundles", again)
    code, told, complained = ended(rerun)
    assert code == 0, complained
    second = Bundle.open(again / told["results"]["bundle"])
    assert second.record.rerun_of == Bundle.open(bundle).seal
    effects = [typed.read(each, Effects, subject="guestbook") for each in (bundle, second.path)]
    assert effects[0] == effects[1]
