"""What a run that is resumed goes on with, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time

import pytest

from bundle.read import Bundle
from bundle.unsealed import UnsealedRun
from ormlab.verify import verify
from tests.bundle import making
from tests.resume.conftest import await_line, kill, trials_of
from tests.run.shared import processes_below
from tests.run.small import alone
from tests.verify import recorded as sealed


@pytest.fixture
def stopped(lab, small_plan, lab_root):
    """A real run that was killed after its first trial, which leaves nothing running."""
    process = lab.run(small_plan(lambda plan: alone(plan, blocks=2)))
    await_line(process, "[1/2]")
    assert processes_below(lab_root) != []
    kill(process)
    deadline = time.monotonic() + 180
    while processes_below(lab_root) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_below(lab_root) == []
    assert trials_of(lab.partial)
    return lab.partial


def test_a_failed_trial_is_repeated_after_its_block_through_two_interruptions(
    lab, small_plan, lab_root
):
    process = lab.run(small_plan())
    await_line(process, "- SQL and answers: tortoise")
    while not (waiting := [*lab_root.glob("runs/*/001-*/service.json")]):
        assert process.poll() is None
    os.kill(int((waiting[0].parent / "pid").read_text()), signal.SIGKILL)
    await_line(process, "[1/4]")
    kill(process)
    again = lab.start("resume", lab.partial)
    await_line(again, "[2/4]")
    kill(again)
    code, told = lab.resume(lab.partial)
    assert code == 0, told
    bundle = lab.bundles / told["results"]["bundle"]
    order = [trial.record for trial in Bundle.open(bundle).trials]
    order.sort(key=lambda record: record.started)
    assert [(record.index, record.id.endswith("-r1")) for record in order] == [
        (1, False), (2, False), (1, True), (3, False), (4, False)
    ]  # fmt: skip
    assert order[0].failure.code == "agent-lost"
    assert [each.status for each in order[1:]] == ["completed"] * 4
    record = Bundle.open(bundle).record
    assert [each.trials for each in record.interruptions] == [1, 2]
    assert "interrupted 2 times and resumed" in told["results"]["weaknesses"]
    assert (bundle / "host/resumed-2/facts.json").exists()
    assert verify(bundle).ok


def test_after_sigkill_a_run_is_resumed_on_its_own_host_by_one(lab, stopped):
    def changed(name, **values):
        path = stopped / name
        document = json.loads(path.read_bytes())
        target = document.get("facts", document)
        target.update(values)
        path.write_text(json.dumps(document))

    def refused():
        code, told = lab.resume(stopped)
        (problem,) = told["problems"]
        assert (code, problem["code"]) == (6, "host-changed")
        return problem["what"]

    whole = making.snapshot(stopped)
    changed("host/facts.before.json", cpu_model="AMD Ryzen 9 7950X")
    before = making.snapshot(stopped)
    said = refused()
    assert "cpu_model is" in said
    assert "it was 'AMD Ryzen 9 7950X'" in said
    assert making.snapshot(stopped) == before
    (stopped / "host/facts.before.json").write_bytes(whole["host/facts.before.json"])
    changed("host/postgres.json", version="16.1")
    assert "postgresql.version is '16.11', it was '16.1'" in refused()
    (stopped / "host/postgres.json").write_bytes(whole["host/postgres.json"])
    assert making.snapshot(stopped) == whole

    first = lab.start("resume", stopped)
    await_line(first, "- deploying")
    code, told = lab.resume(stopped)
    assert (code, told["problems"][0]["code"]) == (7, "bundle-busy")
    out, err = first.communicate()
    assert first.returncode == 0, err
    bundle = lab.bundles / stopped.stem
    assert json.loads(out)["folder"] == str(bundle)
    code, told = lab.resume(bundle)
    assert (code, told["problems"][0]["code"]) == (2, "already-sealed")


def test_a_run_that_needs_all_subjects_is_not_resumed_without_one(lab, small_plan):
    def change(plan):
        alone(plan, blocks=2)
        plan["needs_all_subjects"] = True

    process = lab.run(small_plan(change))
    await_line(process, "[1/2]")
    kill(process)
    path = lab.partial / "services/asyncpg/diagnosis.json"
    failure = {"code": "database-died", "what": "PostgreSQL ended", "where": "", "hint": ""}
    making.edit_json(path, failure=failure)
    code, told = lab.resume(lab.partial)
    assert code == 8, told
    assert told["problems"][0]["code"] == "subject-unusable"
    assert told["problems"][0]["what"] == "asyncpg cannot be measured: PostgreSQL ended"
    assert len(trials_of(next(lab.bundles.glob("*Z-*")))) == 1


@pytest.fixture
def recorded(lab, small_plan):
    """An unsealed run that has written down its inputs and nothing else."""
    process = lab.run(small_plan())
    await_line(process, "- deploying")
    kill(process)
    return lab.partial


def test_other_inputs_are_refused_and_named(lab, recorded):
    inputs = recorded / "inputs"
    changes = {
        "source.json": (b'"version": "', b'"version": "9', "source.json: version is '0.1.0'"),
        "plan.yaml": (b"blocks: 2", b"blocks: 3", "plan.yaml: plan.blocks is"),
        "locks/current.txt": (b"asyncpg", b"AsyncPG", "locks/current.txt is another one"),
    }
    for name, (old, new, said) in changes.items():
        whole = (inputs / name).read_bytes()
        assert old in whole
        (inputs / name).write_bytes(whole.replace(old, new, 1))
        code, told = lab.resume(recorded)
        problem = told["problems"][0]
        assert (code, problem["code"]) == (2, "inputs-changed"), told
        if name != "plan.yaml":
            assert said in problem["what"]
        (inputs / name).write_bytes(whole)
    with UnsealedRun(recorded) as unsealed:
        assert unsealed.interruptions == ()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nothing", "bundle-missing"),
        (making.NAME, "bundle-missing"),
        (f"{making.NAME}.partial", "nothing-recorded"),
    ],
)
def test_what_is_no_run_is_one_clear_error(lab, name, code):
    lab.bundles.mkdir()
    if name != "nothing":
        (lab.bundles / name).mkdir()
    exit_code, told = lab.resume(lab.bundles / name)
    assert exit_code == 2
    assert [each["code"] for each in told["problems"]] == [code]
    assert told["problems"][0]["hint"]


def test_a_run_killed_right_after_its_seal_gets_its_line_and_its_judgement(lab):
    lab.bundles.mkdir()
    bundle = sealed.make(lab.bundles)
    shutil.rmtree(bundle / "derived")
    (lab.bundles / "index.jsonl").unlink()
    partial = bundle.with_name(f"{bundle.name}.partial")
    code, told = lab.resume(partial)
    assert (code, told["folder"]) == (0, str(bundle)), told
    assert verify(bundle, level="L4").ok
    code, told = lab.resume(partial)
    assert (code, told["problems"][0]["code"]) == (2, "already-sealed")
