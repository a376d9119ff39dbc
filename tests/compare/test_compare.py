"""``ormlab compare`` as it is typed, on real services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
import yaml

from bundle.read import Bundle
from ormlab.verify import verify
from tests.run.shared import ORMLAB, processes_below, verdict_of_two_blocks
from tests.run.test_run import await_line

SHORT = ("--design", "trials", "--connections", "8", "--blocks", "2", "--time", "25s")


@pytest.fixture
def start(inventory, tmp_path):
    """Start ``ormlab compare``; what is left of it is ended afterwards."""
    running = []

    def compare(*arguments):
        # A shell that started the tests in the background has made them deaf to Ctrl-C.
        hearing = ["env", "--default-signal=INT"]
        places = ["--inventory", str(inventory), "--bundles", str(tmp_path / "bundles")]
        process = subprocess.Popen(
            [*hearing, ORMLAB, "compare", *arguments, *places],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
            cwd=tmp_path,
        )
        running.append(process)
        return process

    yield compare
    for process in running:
        process.kill()
        process.communicate()


def test_a_comparison_ends_in_a_verified_bundle_and_says_what_it_found(start):
    process = start(
        "asyncpg", "sqlalchemy", *SHORT, "--fail-if", "slower:5%", "--metrics", "0", "--json"
    )
    served = await_line(process, "metrics: http://127.0.0.1:")
    await_line(process, "[1/6]")
    with urllib.request.urlopen(served.split()[1]) as answer:
        assert b"ormlab_live_trials_planned 6.0" in answer.read()
    out, err = process.communicate()
    # Two blocks decide nothing, and a check must not take that for a yes.
    assert process.returncode == 5, err
    told = json.loads(out)
    assert told["schema"] == "ormlab-compare/1"
    assert told["limit"]["outcomes"] == ["undecided"]
    (found,) = told["comparisons"]
    assert (found["baseline"], found["candidate"]) == ("asyncpg", "sqlalchemy")
    assert found["metric"] == "throughput"
    bundle = Bundle.open(Path(told["folder"]))
    failures = json.loads((bundle.path / "derived/results.json").read_bytes())["failures"]
    assert found["verdict"] == verdict_of_two_blocks(found, failures)
    assert found["low"] < found["ratio"] < found["high"]
    live = [line for line in err.splitlines() if line.endswith("not a verdict")]
    assert len(live) == 1
    assert live[0].startswith("after 2 of 2 blocks: sqlalchemy / asyncpg, throughput x ")
    assert verify(bundle.path).ok
    sealed = yaml.safe_load((bundle.path / "inputs/plan.yaml").read_bytes())
    assert sealed["arms"] == {"asyncpg-null": "asyncpg"}
    assert sealed["plan"]["loads"]["trials"]["connections"] == 8


def test_ctrl_c_in_the_middle_seals_what_there_is_and_says_so_in_one_sentence(
    start, tmp_path, lab_root
):
    process = start("asyncpg", "tortoise", *SHORT)
    for line in process.stderr:
        if line.startswith("[1/"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == ""
    (said,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert said.startswith("error: the run was interrupted after ")
    (bundle,) = (each for each in (tmp_path / "bundles").iterdir() if each.is_dir())
    assert str(bundle) in err
    record = Bundle.open(bundle).record
    assert record.status == "aborted"
    assert record.trials.completed + record.trials.failed >= 1
    assert processes_below(lab_root) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sqlalchemy",), "two subjects or more"),
        (("sqlalchemy", "tortoise", "--time", "3"), "is no time"),
        (("sqlalchemy", "tortoise", "--time", "0s"), "is no time"),
        (("sqlalchemy", "tortoise", "--margin", "5"), "is no margin"),
        (("sqlalchemy", "tortoise", "--margin", "100%"), "is no margin"),
        (("sqlalchemy", "tortoise", "--fail-if", "faster"), "slower:5%"),
        (("sqlalchemy", "tortois"), "there is no service 'tortois'"),
        (("sqlalchemy", "tortoise", "--mix", "headline", "--operation", "read-user"), "give one"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_clear_error(start, arguments, said, tmp_path):
    process = start(*arguments)
    _, err = process.communicate()
    assert process.returncode == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "bundles").exists()


def test_a_dry_run_names_what_would_be_measured_and_touches_nothing(start, tmp_path):
    process = start(
        "asyncpg", "tortoise{pool.size=5}", *SHORT, "--seed", "1", "--dry-run", "--json"
    )
    out, err = process.communicate()
    assert process.returncode == 0, err
    told = json.loads(out)
    assert told["schema"] == "ormlab-compare-proposal/1"
    assert told["trials"] == 6
    assert told["subjects"]["tortoise"]["packages"]["tortoise-orm"]
    assert told["assumptions"] == ["tortoise is the subject tortoise{pool.size=5}"]
    assert not (tmp_path / "bundles").exists()
