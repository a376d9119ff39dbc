"""A folder outside of the repository is tried, sealed, and run again without the folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from bundle import typed
from bundle.documents.services import SchemaOutcome
from bundle.read import Bundle
from ormlab.subject import scaffold
from ormlab.verify import verify
from tests.resume.conftest import inventory, lab, lab_root, small_plan
from tests.run.small import alone

__all__ = ["inventory", "lab", "lab_root", "small_plan"]


def ended(process):
    out, err = process.communicate()
    return process.returncode, json.loads(out), err


def test_an_outside_folder_is_tried_kept_and_run_again(lab, tmp_path):
    folder = scaffold.create(tmp_path / "mine", package=None, like=None).folder
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    check = lab.start("subject", "check", folder, "--time", "2s", "--bundles", lab.bundles)
    code, told, complained = ended(check)
    assert code == 0, complained
    assert told["ok"]
    assert told["broken"] == told["undeclared"] == []
    assert told["cases"] > 300
    assert len(told["operations"]) == 14
    assert told["throughput"].keys() == {"reads", "writes"}

    bundle = lab.bundles / told["bundle"]
    verified = verify(bundle)
    assert verified.ok
    assert verified.doubts == ()
    held = bundle / "inputs/services/mine"
    assert {path.name: path.read_bytes() for path in held.iterdir()} == kept
    assert str(tmp_path).encode() not in (bundle / "inputs/plan.yaml").read_bytes()

    shutil.rmtree(folder)
    again = lab.bundles / "again"
    code, told, _ = ended(lab.start("rerun", bundle, "--yes", "--bundles", again))
    assert code == 2
    assert [each["code"] for each in told["problems"]] == ["locks-foreign"]
    assert "services/mine" in told["problems"][0]["what"]
    trusting = lab.start("rerun", bundle, "--yes", "--trust-locks", "--bundles", again)
    code, told, complained = ended(trusting)
    assert code == 0, complained
    second = Bundle.open(again / told["results"]["bundle"])
    assert second.record.rerun_of == Bundle.open(bundle).seal
    assert (second.path / "inputs/services/mine/repository.py").read_bytes() == kept[
        "repository.py"
    ]


def test_a_folder_that_breaks_the_contract_says_where(lab, tmp_path):
    folder = scaffold.create(tmp_path / "mine", package=None, like=None).folder
    code = folder / "statements.py"
    code.write_text(code.read_text().replace("ORDER BY id LIMIT", "ORDER BY id DESC LIMIT"))
    with (folder / "service.toml").open("a") as file:
        file.write('[cannot]\njoin = "it knows no joins"\n')
    check = lab.start("subject", "check", folder, "--time", "2s", "--bundles", lab.bundles)
    code, told, complained = ended(check)
    assert code == 3, complained
    assert "list-users" in {each["case"] for each in told["broken"]}
    assert told["left_out"] == [
        f"users-with-orders-join{each}" for each in ("", ":page", ":beyond")
    ]
    assert "users-with-orders?loading=prefetch&limit=20" in told["operations"]
    assert "users-with-orders?loading=join&limit=20" not in told["operations"]


def test_a_plan_has_a_tool_make_the_schema_and_keeps_what_differs(lab, small_plan):
    def change(plan):
        alone(plan, blocks=1)
        plan["subjects"] = {"own": {"service": "tortoise", "migrations": "tortoise"}}

    code, told, complained = ended(lab.run(small_plan(change)))
    assert code == 0, complained
    assert "schema by tortoise: own" in complained
    bundle = Path(told["folder"])
    made = typed.read(bundle, SchemaOutcome, subject="own")
    assert (made.tool, made.failure, made.same) == ("tortoise", None, True)
    assert ("own table", "tortoise_migrations") in [
        (each.kind, each.where) for each in made.differences
    ]
    verified = verify(bundle)
    assert verified.ok
    assert verified.doubts == ()
