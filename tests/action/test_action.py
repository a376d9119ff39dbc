"""The workflows of docs/pull-requests.md: sound, and carried out by act with the real action."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bundle.pack import pack
from bundle.unpack import unpack
from ormlab.verify import verify
from tests.action import playing
from tests.action.hub import REPOSITORY
from tests.conftest import CHECKOUT
from tests.run.conftest import inventory, lab_root
from tests.tools import installed

__all__ = ["inventory", "lab_root"]

WORKFLOWS = playing.workflows()
ZIZMOR = Path(sys.executable).with_name("zizmor")
SHA = "5" * 40
measures = pytest.mark.skipif(
    os.environ.get("ORMLAB_TEST_ACTION") != "1",
    reason="a pull request takes minutes and a quiet machine: make test-action",
)


@pytest.fixture(scope="module")
def act():
    if why := playing.require_set_up():
        pytest.skip(why)
    return installed("act") / "act"


@pytest.fixture
def runner(act, hub, tmp_path):
    return playing.Runner(act, tmp_path / "runner", hub)


@pytest.fixture
def written(tmp_path):
    """The folder of a repository that has the workflows of the page."""
    folder = tmp_path / "repository/.github/workflows"
    folder.mkdir(parents=True)
    for name, text in WORKFLOWS.items():
        (folder / name).write_text(text)
    (folder.parents[1] / ".actrc").touch()  # without one act asks which images to use
    return folder.parents[1]


def test_the_page_has_a_workflow_for_each_occasion():
    assert set(WORKFLOWS) == {"speed.yml", "speed-comment.yml", "nightly.yml", "release.yml"}
    for text in WORKFLOWS.values():
        assert yaml.safe_load(text)["permissions"] == {}
        assert playing.ACTION in text


def test_a_job_with_a_token_that_writes_checks_out_nothing():
    for text in WORKFLOWS.values():
        for job in yaml.safe_load(text)["jobs"].values():
            writes = "write" in job["permissions"].values()
            checks_out = any("checkout" in step.get("uses", "") for step in job["steps"])
            assert writes != checks_out


def test_the_workflows_and_the_action_cannot_be_abused(written):
    command = [ZIZMOR, "--offline", "--quiet", "--no-config", CHECKOUT / "action.yml", written]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_no_script_has_an_expression_in_it():
    steps = yaml.safe_load((CHECKOUT / "action.yml").read_text())["runs"]["steps"]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) >= 4
    assert not any("${{" in script for script in scripts)


def test_the_page_names_every_input_of_the_action():
    inputs = yaml.safe_load((CHECKOUT / "action.yml").read_text())["inputs"]
    table = playing.PAGE.read_text().partition("| input |")[2].partition("\n\n")[0]
    first = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert set(re.findall(r"`([a-z-]+)`", " ".join(first))) == inputs.keys()


def test_act_finds_the_workflows_well_formed(act, written):
    command = [act, "--validate", "--strict"]
    ended = subprocess.run(command, cwd=written, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def run_of_a_fork():
    fork = {"full_name": "stranger/shop", "owner": {"login": "stranger"}}
    run = {"id": 41, "event": "pull_request", "head_sha": SHA, "head_branch": "topic"}
    address = {"html_url": f"https://github.com/{REPOSITORY}/actions/runs/41"}
    return {"workflow_run": run | address | {"head_repository": fork, "pull_requests": []}}


def test_a_pull_request_of_a_fork_is_commented_on_and_then_again(runner, hub, bundle, tmp_path):
    hub.pulls = [(7, "stranger", "topic", SHA)]
    kept = tmp_path / "runner/artifacts/ormlab-compare"
    kept.mkdir(parents=True)
    pack(bundle, kept / "bundle.tar.zst")
    text = playing.action_of_the_tree(WORKFLOWS["speed-comment.yml"], lab=str(CHECKOUT))
    for _ in range(2):
        played = runner.play("speed-comment.yml", text, "workflow_run", run_of_a_fork(), tmp_path)
        assert played.status == 0, played.log
        (comment,) = played.comments
    assert comment["body"].startswith("<!-- ormlab comment compare -->\n\n### ")
    assert f"({run_of_a_fork()['workflow_run']['html_url']}), measured of 5555" in comment["body"]
    methods = [method for method, *_ in hub.asked]
    assert (methods.count("POST"), methods.count("PATCH")) == (1, 1)


def test_an_artifact_that_is_no_bundle_fails_the_job_and_comments_nothing(runner, hub, tmp_path):
    hub.pulls = [(7, "stranger", "topic", SHA)]
    kept = tmp_path / "runner/artifacts/ormlab-compare"
    kept.mkdir(parents=True)
    (kept / "bundle.tar.zst").write_bytes(b"PK\3\4")
    text = playing.action_of_the_tree(WORKFLOWS["speed-comment.yml"], lab=str(CHECKOUT))
    played = runner.play("speed-comment.yml", text, "workflow_run", run_of_a_fork(), tmp_path)
    assert played.status == 1
    assert "error: " in played.log
    assert played.comments == []


@measures
@pytest.mark.parametrize(("slowdown", "status"), [(0.10, 1), (0.0, 0)])
def test_a_planted_slowdown_fails_and_an_untouched_change_passes(
    runner, inventory, tmp_path, slowdown, status
):
    source = playing.repository(tmp_path / "shop", slowdown=slowdown)
    options = f"--inventory {inventory} --blocks 8"
    text = playing.action_of_the_tree(
        WORKFLOWS["speed.yml"], lab=str(CHECKOUT), options=options, time="2m"
    )
    event = playing.pull_request(source)
    played = runner.play("speed.yml", text, "pull_request", event, source)
    assert played.status == status, played.log
    (comment,) = played.comments
    heading = comment["body"].split("\n\n")[1]
    assert heading.startswith("### mylib-head: ")
    assert ("Beyond the limit" in comment["body"]) == bool(slowdown)
    assert ("SLOWER" in heading) == bool(slowdown)
    assert "send the same statements in the same round trips" in comment["body"]
    assert f"measured of {event['pull_request']['head']['sha'][:12]}." in comment["body"]
    assert {path.name for path in played.artifact.iterdir()} == {"bundle.tar.zst", "report.html"}
    assert verify(unpack(played.artifact / "bundle.tar.zst", tmp_path)).ok
