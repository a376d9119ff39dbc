"""Whole runs through the command line, on real parts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import yaml

from bundle.read import read_trials
from bundle.verify import verify
from tests.conftest import free_port
from tests.run.shared import ORMLAB, processes_below, verdict_of_two_blocks
from tests.run.small import alone
from tests.verify import recorded


@pytest.fixture
def start(inventory, tmp_path):
    """Start ``ormlab run``; the process and everything it started are ended afterwards."""
    running = []

    def run(plan, *options, **environment):
        # A shell that started the tests in the background has made them deaf to Ctrl-C.
        hearing = ["env", "--default-signal=INT"]
        arguments = [*hearing, ORMLAB, "run", str(plan), "--inventory", str(inventory)]
        process = subprocess.Popen(
            [*arguments, "--bundles", str(tmp_path / "bundles"), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
            cwd=tmp_path,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def await_line(process, beginning: str) -> str:
    said = []
    for line in process.stderr:
        if line.startswith(beginning):
            return line
        said.append(line)
    raise AssertionError(
        f"it ended without a line that begins with {beginning!r}:\n{''.join(said)}"
    )


def test_a_run_ends_in_a_bundle_that_verifies_with_both_tools(finished_run):
    told = finished_run.told
    assert told["ok"] is True
    assert told["schema"] == "ormlab-run/1"
    assert "times the requests per second of asyncpg" in told["results"]["conclusion"]
    bundle = finished_run.bundle
    assert verify(bundle, "L1").ok
    answer = subprocess.run(
        ["sha256sum", "-c", "--quiet", "MANIFEST.sha256"], cwd=bundle, check=False
    )
    assert answer.returncode == 0
    record = json.loads((bundle / "bundle.json").read_bytes())
    assert record["status"] == "complete"
    assert record["trials"] == {"planned": 4, "completed": 4, "failed": 0, "skipped": 0}
    used = json.loads((bundle / "host/ports.json").read_bytes())
    assert used["named"] == []
    for trial in sorted((bundle / "trials").iterdir()):
        rows = pq.read_metadata(trial / "samples.parquet").num_rows
        told_rows = json.loads((trial / "client.json").read_bytes())["samples"]["rows"]
        assert rows == told_rows > 0
        told_port = json.loads((trial / "trial.json").read_bytes())["readings"]["port"]
        assert told_port["number"] in used["services"].values()
        assert (told_port["shared"], told_port["reason"]) == (False, None)
    assert finished_run.left == []


def test_judging_again_gives_the_same_bytes_controls_included(run_with_controls, tmp_path):
    told = run_with_controls.told
    (cell,) = told["results"]["cells"]
    assert set(cell["subjects"]) == {"asyncpg", "tortoise", "asyncpg-null", "asyncpg-plus"}
    throughput = cell["comparisons"][0]
    assert throughput["verdict"] == verdict_of_two_blocks(throughput)
    assert throughput["null"]["method"] == "paired t"
    null, positive = cell["controls"]
    assert null["ratio"] == throughput["null"]["ratio"]
    assert null["outcome"]["what"].startswith("A' over A: ")
    assert (null["outcome"]["name"], null["candidate"]) == ("null", "asyncpg-null")
    assert (positive["outcome"]["name"], positive["candidate"]) == ("positive", "asyncpg-plus")
    assert positive["outcome"]["band"] == {"low": 1.05, "high": pytest.approx(1.15)}
    bundle = recorded.copy(run_with_controls.bundle, tmp_path / "bundles")
    for trial in (bundle / "trials").glob("*-asyncpg-plus-*"):
        burden = json.loads((trial / "trial.json").read_bytes())["readings"]["burden"]
        assert burden["fraction"] == pytest.approx(0.1)
        assert burden["burdened"]["requests"] > burden["unburdened"]["requests"] > 0
    before = (bundle / "derived/results.json").read_bytes()
    subprocess.run([ORMLAB, "judge", bundle], check=True, capture_output=True)
    assert (bundle / "derived/results.json").read_bytes() == before
    assert verify(bundle, "L1").ok


def test_a_writing_workload_is_measured_on_a_fresh_database_each_time(troubled_run):
    assert troubled_run.told["results"]["failures"] == []
    trials = sorted((troubled_run.bundle / "trials").iterdir())
    records = [json.loads((trial / "trial.json").read_bytes())["readings"] for trial in trials]
    assert len(records) == 2
    for readings in records:
        before, after = (readings["counters"][when]["users"] for when in ("before", "after"))
        for did in ("inserted", "updated", "deleted"):
            assert before[did] == 0
            assert after[did] > 0


def test_a_second_run_is_refused_at_once_and_ctrl_c_seals_what_the_first_one_measured(
    start, small_plan, tmp_path, lab_root
):
    plan = small_plan(lambda plan: alone(plan, blocks=20))
    process = start(plan)
    await_line(process, "- making the stacks")
    (folder,) = tmp_path.glob("bundles/*.partial")
    second = start(plan, "--json")
    out, err = second.communicate()
    assert second.returncode == 8
    problem = json.loads(out)["problems"][0]
    assert problem["code"] == "host-in-use"
    assert folder.name.removesuffix(".partial") in problem["what"]
    assert f"(process {process.pid} " in problem["what"]
    assert "making the stacks" not in err
    assert list(tmp_path.glob("bundles/*Z-*")) == [folder]

    await_line(process, "[ 2/20]")
    facts = json.loads((folder / "host/facts.before.json").read_bytes())
    assert affinities(process.pid) == {frozenset(facts["placement"]["housekeeping"])}
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "interrupted after" in err
    (bundle,) = tmp_path.glob("bundles/*Z-*")
    assert verify(bundle, "L1").ok
    record = json.loads((bundle / "bundle.json").read_bytes())
    assert record["status"] == "aborted"
    assert 2 <= record["trials"]["completed"] < 20
    assert processes_below(lab_root) == []


def affinities(pid: int) -> set[frozenset[int]]:
    """The CPUs that each thread of a process keeps to."""
    threads = [each.id for each in psutil.Process(pid).threads()]
    return {frozenset(os.sched_getaffinity(thread)) for thread in threads}


def test_a_killed_agent_costs_one_trial_which_is_repeated_at_the_end_of_its_block(
    start, small_plan, lab_root
):
    process = start(small_plan(lambda plan: plan.update(blocks=1)), "--json")
    await_line(process, "- generator by itself")
    while not (waiting := [*lab_root.glob("runs/*/001-*/service.json")]):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(int((waiting[0].parent / "pid").read_text()), signal.SIGKILL)
    out, err = process.communicate()
    assert process.returncode == 0, err
    told = json.loads(out)
    (failure,) = told["results"]["failures"]
    assert failure["code"] == "agent-lost"
    records = [trial.record for trial in read_trials(Path(told["folder"]))]
    order = [each.id for each in sorted(records, key=lambda each: each.started)]
    assert [order[0], order[2]] == [failure["trial"], f"{failure['trial']}-r1"]
    record = json.loads((Path(told["folder"]) / "bundle.json").read_bytes())
    assert record["trials"] == {"planned": 2, "completed": 2, "failed": 1, "skipped": 0}
    assert record["status"] == "complete"
    (cell,) = told["results"]["cells"]
    assert [subject["trials"] for subject in cell["subjects"].values()] == [1, 1]
    assert processes_below(lab_root) == []


WRK = {"generator": "wrk", "threads": 1, "connections": 4, "duration_s": 1}


def test_what_a_host_lacks_is_recorded_and_the_rest_is_measured(start, small_plan, tmp_path):
    def change(plan):
        plan["subjects"]["tortoise"]["stack"] = "published-py312"
        plan["loads"]["wrk"] = WRK
        plan["blocks"] = 1

    path = path_without_wrk(tmp_path, "/usr/bin:/bin")
    hidden = {"PYENV_ROOT": "/nonexistent", "HOME": str(tmp_path), "PATH": path}
    if subprocess.run(["which", "python3.12"], env=hidden, capture_output=True, check=False).stdout:
        pytest.skip("the distribution has CPython 3.12, so it cannot be hidden")
    process = start(small_plan(change), "--json", "--omit-missing-generators", **hidden)
    out, err = process.communicate()
    assert process.returncode == 0, err
    told = json.loads(out)
    reasons = [each["reason"] for each in told["results"]["omitted"]]
    (stack,) = [each for each in reasons if "published-py312" in each]
    assert "3.12" in stack
    (program,) = [each for each in reasons if each != stack]
    assert "wrk is not installed" in program
    record = json.loads((Path(told["folder"]) / "bundle.json").read_bytes())
    assert record["status"] == "partial"
    assert record["trials"] == {"planned": 2, "completed": 1, "failed": 0, "skipped": 1}
    stack = json.loads((Path(told["folder"]) / "services/tortoise/stack.json").read_bytes())
    assert stack["failures"][0]["stage"] == "interpreter"


def test_a_missing_wrk_is_refused_before_anything_starts(start, small_plan, tmp_path):
    path = path_without_wrk(tmp_path, os.environ["PATH"])
    plan = small_plan(lambda plan: plan["loads"].update(wrk=WRK))
    process = start(plan, "--json", PATH=path)
    out, _ = process.communicate()
    assert process.returncode == 8
    problem = json.loads(out)["problems"][0]
    assert problem["code"] == "generator-missing"
    assert "make wrk" in problem["hint"]
    assert not list(tmp_path.glob("bundles/*"))


def path_without_wrk(tmp_path: Path, path: str) -> str:
    """A PATH on which every program of another one is found but wrk."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in path.split(":"):
        for program in Path(place).glob("*"):
            link = folder / program.name
            if program.name != "wrk" and not link.exists():
                link.symlink_to(program)
    return str(folder)


def test_a_taken_port_of_the_database_is_one_clear_error(start, small_plan, inventory, tmp_path):
    port = name_port(inventory)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        process = start(small_plan(), "--json")
        out, err = process.communicate()
    assert process.returncode == 8
    problem = json.loads(out)["problems"][0]
    assert problem["code"] == "port-taken"
    assert f"port {port} for postgres" in problem["what"]
    assert f"(process {os.getpid()})" in problem["what"]
    assert "making the stacks" not in err  # nothing was made for it
    assert not list(tmp_path.glob("bundles/*Z-*"))


def name_port(inventory: Path) -> int:
    """Have the inventory name a port of PostgreSQL."""
    document, port = yaml.safe_load(inventory.read_text()), free_port()
    document["bench"]["vars"]["lab_postgres_port"] = port
    inventory.write_text(yaml.safe_dump(document))
    return port


def test_a_wrong_plan_is_refused_with_exit_2(start, small_plan, tmp_path):
    process = start(small_plan(lambda plan: plan.update(sede=1)))
    out, err = process.communicate()
    assert process.returncode == 2
    assert out == ""
    assert "sede: unknown key" in err
    assert "next:" in err
    assert not (tmp_path / "bundles").exists()
