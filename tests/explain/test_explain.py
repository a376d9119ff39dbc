"""A small explanation, measured on real parts and told by the command line."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ormlab.base.errors import UsageError
from ormlab.judging.explain import newest
from tests.bundle.making import sealed
from tests.conftest import CHECKOUT
from tests.run.conftest import inventory, lab_root
from tests.run.small import SILENCE

__all__ = ["inventory", "lab_root"]

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
STEPS = [
    {"name": "row", "what": "an entity", "options": {"read_as": "row"}},
    {"name": "reset", "what": "a reset", "side": "to", "options": {"reset_on_return": False}},
]


def ormlab(*arguments, code=0):
    answer = subprocess.run(
        [ORMLAB, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == code, answer.stderr
    return answer.stdout


def write_plan(path):
    plan = yaml.safe_load((CHECKOUT / "workloads/plans/explain.yaml").read_text())
    plan |= {"name": "small", "profile": "smoke", "blocks": 2, "null_arm": "tortoise"}
    plan["dataset"] = {"users": 1200, "orders": 1010, "payload_bytes": 512}
    plan["subjects"] = {"tortoise": {"service": "tortoise"}, "asyncpg": {"service": "asyncpg"}}
    plan["comparisons"] = [{"baseline": "tortoise", "candidate": "asyncpg"}]
    plan["explanation"] = {"from": "tortoise", "to": "asyncpg", "steps": STEPS}
    client = {"generator": "client-closed", "connections": 4, "warmup_s": 0.1, "duration_s": 0.5}
    plan |= {"loads": {"client": client}, "gates": SILENCE}
    path.write_text(yaml.safe_dump(plan))
    return path


def test_a_run_is_explained_from_its_bundle_alone(inventory, tmp_path):
    plan, bundles = write_plan(tmp_path / "small.yaml"), tmp_path / "bundles"
    told = json.loads(ormlab("run", plan, "--inventory", inventory, "--bundles", bundles, "--json"))
    bundle = Path(told["folder"])
    stored = json.loads((bundle / "derived/explanation.json").read_bytes())
    assert newest(bundles) == bundle
    answer = json.loads(ormlab("explain", bundle, "--json"))
    assert (answer["schema"], answer["ok"]) == ("ormlab-explain/1", True)
    assert answer["explanation"] == stored
    assert stored["schema"] == "explanation/2"
    assert answer["beside"] == []
    (cell,) = stored["cells"]
    assert [part["name"] for part in cell["parts"]] == ["row", "residual", "reset"]
    product = math.prod(part["throughput"]["ratio"] for part in cell["parts"])
    assert product == pytest.approx(cell["total"]["throughput"]["ratio"])
    added = sum(part["cpu_service"]["mean"] for part in cell["parts"])
    assert added == pytest.approx(cell["total"]["cpu_service"]["mean"])
    added = sum(part["time"]["mean"] for part in cell["parts"])
    assert added == pytest.approx(cell["total"]["time"]["mean"])
    assert cell["excess"] >= 0  # the plan has a null arm
    # Without the reset a request costs less than its service declares, and was asked to.
    subjects = told["results"]["cells"][0]["subjects"].values()
    assert {each["statements"] for each in subjects} == {1, 2}
    assert not any(each["undeclared"] for each in subjects)
    text = ormlab("explain", bundle)
    assert text.startswith(stored["conclusion"])
    assert "2 blocks: an estimate, not a verdict" in text.splitlines()[0]
    several = json.loads(ormlab("explain", bundle, bundle, "--json"))
    assert [other["explanation"] for other in several["beside"]] == [stored]
    assert "Side by side: " in ormlab("explain", bundle, bundle)
    (bundle / "inputs/plan.yaml").write_bytes(b"changed")
    refused = json.loads(ormlab("explain", bundle, "--json", code=3))
    assert [problem["code"] for problem in refused["problems"]] == ["not-verified"]


def test_a_folder_without_an_explanation_says_how_to_get_one(tmp_path):
    sealed(tmp_path)
    with pytest.raises(UsageError) as refused:
        newest(tmp_path)
    assert refused.value.code == "no-explanation"
    assert "ormlab run explain" in refused.value.hint
