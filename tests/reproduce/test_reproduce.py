"""From a ledger to its verdicts through the command line, on real parts."""

from __future__ import annotations

import hashlib
import json
import signal
import urllib.request
from pathlib import Path

import psutil

from ormlab.verify import verify
from tests.run.test_run import await_line

PLANS = ("first", "second", "stacks-of-mine")
VERDICTS = {
    "first.direction": "inconclusive",  # one block of a smoke run
    "first.two-statements": "upheld",
    "first.one-statement": "refuted",
    "second.direction": "inconclusive",
    "runs.asyncpg": "upheld",
    "taste": "untestable",
}


def finished(process, code=0):
    out, err = process.communicate()
    assert process.returncode == code, err
    return out, err


def told(process, code=0):
    out, err = finished(process, code)
    return json.loads(out), err


def verdicts(document):
    return {
        claim["id"]: [each["verdict"] for each in claim["standing"]]
        for claim in document["judgement"]["claims"]
    }


def state(document):
    """By plan, the bundles that serve and those that are left aside."""
    return {
        plan["name"]: (len(plan["existing"]), [each["why"] for each in plan["aside"]])
        for plan in document["proposal"]["plans"]
    }


def sealed(tmp_path: Path) -> set[Path]:
    return {path.parent for path in (tmp_path / "bundles").glob("*/SEAL.json")}


def status(bundle: Path) -> str:
    return json.loads((bundle / "bundle.json").read_bytes())["status"]


def asked(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:
        return answer.read()


def kill(process):
    """Kill it; what it had started keeps the cluster until it misses its heartbeat and ends."""
    started = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, left = psutil.wait_procs(started, timeout=180)
    assert not left


def test_an_interrupted_or_killed_trial_of_a_ledger_goes_on_and_a_finished_one_measures_nothing(
    start, write, tmp_path
):
    ledger = write()
    dry, _ = told(start(ledger, "--dry-run", "--json"))
    assert state(dry) == dict.fromkeys(PLANS, (0, []))
    assert dry["proposal"]["trials"] == 4
    assert not (tmp_path / "bundles").exists()

    inside = start(ledger, "--metrics", "0")
    said = "A tiny ledger: 6 claims, 5 of them tested by 3 plans; 3 plans to run, 4 trials"
    await_line(inside, said)
    served = await_line(inside, "metrics: http://127.0.0.1:")
    await_line(inside, "[2/2]")
    assert b"ormlab_live_trials_planned 2.0" in asked(served.split()[1])
    await_line(inside, "- plan 2 of 3: second")
    await_line(inside, "[1/2]")  # the last trial is about to begin, and would be measured
    inside.send_signal(signal.SIGINT)
    _, err = finished(inside, code=130)
    assert "the same command goes on with what is missing" in err
    between = start(ledger)  # the shorter plan first, by how long the interrupted run took
    await_line(between, "- plan 1 of 2: ")
    between.send_signal(signal.SIGINT)
    finished(between, code=130)
    assert {status(path) for path in sealed(tmp_path)} == {"complete", "aborted"}
    (kept,) = [path for path in sealed(tmp_path) if status(path) == "complete"]

    killed = start(ledger, "--claims", "second.*")
    await_line(killed, "- plan 1 of 1: second")
    await_line(killed, "[1/2]")
    kill(killed)
    (partial,) = (tmp_path / "bundles").glob("*.partial")
    closed = {path.name for path in partial.glob("trials/*") if path.suffix != ".open"}
    assert closed

    whole, err = told(start(ledger, "--json"))
    assert f"goes on   {partial.name}" in err
    second = next(each for each in whole["proposal"]["plans"] if each["name"] == "second")
    assert second["begun"] == partial.name
    check_what_was_resumed(partial, len(closed))
    assert whole["schema"] == "ormlab-reproduce/1"
    assert whole["ok"] is True
    assert state(whole) == {
        "first": (1, []),
        "second": (0, ["it was interrupted"]),
        "stacks-of-mine": (0, []),
    }
    assert verdicts(whole) == {name: [verdict] for name, verdict in VERDICTS.items()}
    check_what_is_stored(whole, ledger, kept, tmp_path)

    before = sealed(tmp_path)
    again, err = told(start(ledger, "--json", "--strict"), code=4)
    assert [serving for serving, _ in state(again).values()] == [1, 1, 1]
    assert again["judgement"] == whole["judgement"]
    assert sealed(tmp_path) == before
    assert "nothing to run" in err

    text, _ = finished(start(ledger, "--claims", "*.direction", "--strict"), code=5)
    assert text.startswith("Of 2 claims in A tiny ledger: 2 inconclusive (")
    assert "taste" not in text
    assert "a smoke run shows that the path works, not which wins" in text
    assert "second.direction if another plan: inconclusive" in text


def check_what_was_resumed(partial: Path, closed: int):
    """The run that was killed is sealed in the place of its folder, and says when it was."""
    assert not partial.exists()
    bundle = partial.with_suffix("")
    assert verify(bundle).ok
    interrupted = json.loads((bundle / "bundle.json").read_bytes())["interruptions"]
    assert [each["trials"] for each in interrupted] == [closed]


def check_what_is_stored(whole, ledger, kept, tmp_path):
    """The judgement names the seals; each bundle verifies, and has taken its ledger along."""
    assert json.loads(Path(whole["file"]).read_bytes()) == whole["judgement"]
    assert len(whole["reports"]) == len(PLANS)
    used = {each["id"]: each for each in whole["judgement"]["bundles"]}
    assert {each["plan"] for each in used.values()} == set(PLANS)
    assert kept.name in used
    for name, each in used.items():
        path = tmp_path / "bundles" / name
        record = json.loads((path / "bundle.json").read_bytes())
        assert hashlib.sha256((path / "SEAL.json").read_bytes()).hexdigest() == each["seal"]
        assert (path / "inputs/claims.yaml").read_bytes() == ledger.read_bytes()
        assert record["ledger"] == hashlib.sha256(ledger.read_bytes()).hexdigest()
        assert each["sealed_with_the_ledger"] is True
        assert (path / "derived/verdicts.json").exists()
        checked = verify(path)
        assert checked.problems == ()
        assert checked.level_reached == "L4"
        # What a stack can do is seen without any load.
        assert (path / "trials").exists() == (each["plan"] != "stacks-of-mine")


def test_a_plan_that_cannot_be_run_leaves_the_others_their_verdicts(start, write):
    ledger = write(profile="bare-metal")
    whole, err = told(start(ledger, "--claims", "runs.*,second.*", "--json"), code=6)
    assert whole["ok"] is False
    assert whole["problems"][0]["code"] == "host-gate"
    assert verdicts(whole) == {"second.direction": ["not_run"], "runs.asyncpg": ["upheld"]}
    assert "second could not be run" in err


def test_claims_that_nobody_made_are_refused_before_anything_starts(start, write, tmp_path):
    _, err = finished(start(write(), "--claims", "third.*"), code=2)
    assert "no claim fits 'third.*'" in err
    assert not (tmp_path / "bundles").exists()


def test_what_needs_no_machine_is_judged_without_one(start, write, tmp_path):
    whole, _ = told(start(write(), "--claims", "taste", "--json"))
    assert verdicts(whole) == {"taste": ["untestable"]}
    assert whole["judgement"]["bundles"] == []
    assert list((tmp_path / "bundles").glob("*")) == [Path(whole["file"])]
