"""A generator is added as docs/generators.md says: its own files, and one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from docs.generate import DOCS
from ormlab.base import source
from tests.conftest import CHECKOUT
from tests.measure.test_uncommitted_source import git

PAGE = dict(
    re.findall(
        r"^```\w+\n# (\S+)\n(.+?)^```",
        (DOCS / "generators.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
)
LOADS = yaml.safe_load(PAGE.pop("loads.yaml"))
REGISTRY = "bundle/generators/__init__.py"
PARTS = (*source.PACKAGES, "requirements", "playbooks", "inventory")
FILES = (".gitignore", ".python-version", "ansible.cfg", "pyproject.toml")


@pytest.fixture(scope="module")
def tree(lab_folder):
    """A checkout of its own that has the generator of the page."""
    folder = lab_folder / "with-a-toy"
    for path in (*source.listed(CHECKOUT, *PARTS), *FILES):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes((CHECKOUT / path).read_bytes())
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "before")
    for name, text in PAGE.items():
        (folder / name).write_text(text)
    registry = folder / REGISTRY
    registry.write_text(re.sub(r"(NAMES: [^)]*)\)", r'\1    "toy",\n)', registry.read_text()))
    (folder / ".lab").mkdir()
    for made in ("uv", "cache"):
        (folder / ".lab" / made).symlink_to(CHECKOUT / ".lab" / made)
    return folder


def start(tree, *arguments):
    program = "from ormlab.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"},
    )


def ormlab(tree, *arguments):
    """What the tree's command line answers."""
    answer = start(tree, *arguments)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    return json.loads(answer.stdout)


def test_only_its_own_files_and_one_line_are_touched(tree):
    assert git(tree, "diff", "--numstat").decode().split() == ["1", "0", REGISTRY]
    added = git(tree, "ls-files", "--others", "--exclude-standard").decode().split()
    sides = ("bundle", "agent", "analysis")
    assert set(added) == set(PAGE) == {f"{side}/generators/toy.py" for side in sides}


def test_a_run_with_it_has_figures_and_a_bundle_that_verifies(
    tree, small_plan, inventory, tmp_path
):
    def change(plan):
        plan["loads"] = LOADS
        del plan["subjects"]["tortoise"]
        plan |= {"comparisons": [], "blocks": 1}

    bundles = tmp_path / "bundles"
    ran = ormlab(tree, "run", small_plan(change), "--inventory", inventory, "--bundles", bundles)[
        "results"
    ]
    bundle = bundles / ran["bundle"]
    (cell,) = ran["cells"]
    assert (cell["load"], cell["drive"]) == ("toy", LOADS["toy"] | {"duration_s": 1.0})
    assert cell["latency_kind"] == "closed-loop service time"
    figures = cell["subjects"]["asyncpg"]
    (trial,) = (bundle / "trials").iterdir()
    report = json.loads((trial / "toy.json").read_bytes())
    assert figures["requests"] == len(report["latencies_us"]) > 100
    assert figures["throughput"] == pytest.approx(figures["requests"] / report["seconds"])
    gates = {gate["code"]: gate["verdict"] for gate in cell["gates"]}
    assert gates["littles-law"] == gates["stall"] == gates["request-errors"] == "passed"
    floor = json.loads((bundle / "generators/toy/floor.json").read_bytes())
    assert floor["failure"] is None
    assert "agent/generators/toy.py" in (bundle / "inputs/source.patch").read_text()
    verified = ormlab(tree, "verify", bundle)
    assert (verified["ok"], verified["problems"]) == (True, [])


def test_a_plan_with_a_wrong_key_of_its_load_is_refused_with_the_line(tree, small_plan):
    plan = small_plan(lambda plan: plan.update(loads={"toy": LOADS["toy"] | {"speed": 1}}))
    answer = start(tree, "plan", plan)
    assert answer.returncode == 2
    (problem,) = json.loads(answer.stdout)["problems"]
    assert re.search(r"small\.yaml:\d+: loads\.toy.*speed", problem["what"])
