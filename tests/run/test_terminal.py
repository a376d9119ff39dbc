"""Whole runs whose reader leaves, and whose terminal is closed, on real parts."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import urllib.request

from bundle.verify import verify
from tests.run.shared import ORMLAB, processes_below
from tests.run.small import alone


def command(plan, inventory, bundles):
    hearing = ["env", "--default-signal=INT,HUP"]
    return [*hearing, ORMLAB, "run", plan, "--inventory", inventory, "--bundles", bundles]


def only(bundles):
    (bundle,) = bundles.glob("*Z-*")
    assert verify(bundle, "L1").ok
    return json.loads((bundle / "bundle.json").read_bytes())


def test_a_run_whose_reader_leaves_goes_on_to_its_seal(small_plan, inventory, tmp_path):
    """As ``ormlab run ... 2>&1 | head -1``."""
    bundles = tmp_path / "br[/x]"
    plan = small_plan(lambda plan: alone(plan, blocks=1))
    started = command(plan, inventory, bundles)
    with subprocess.Popen(
        started, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout.readline() == "- deploying the code and the agent\n"
        process.stdout.close()
        assert process.wait() == 0
    assert only(bundles)["status"] == "complete"


def test_a_closed_terminal_seals_what_was_measured(small_plan, inventory, tmp_path, lab_root):
    """And while it measures, it tells its progress to who asks."""
    plan = small_plan(lambda plan: alone(plan, blocks=20))
    terminal, child = pty.openpty()
    process = subprocess.Popen(
        [
            *("setsid", "--ctty", "--wait"),
            *command(plan, inventory, tmp_path / "bundles"),
            *("--metrics", "0"),
        ],
        stdin=child,
        stdout=child,
        stderr=child,
    )
    os.close(child)
    shown = ""
    while not re.search(r"\[ 2/20\]", shown):
        shown += os.read(terminal, 2**16).decode(errors="replace")
    address = re.search(r"metrics: (http://127\.0\.0\.1:\d+/metrics)", shown)[1]
    with urllib.request.urlopen(address) as answer:
        told = answer.read().decode()
    assert "ormlab_live_trials_planned 20.0" in told
    (ended,) = re.findall(r"^ormlab_live_trials_ended_total{.*} (.*)$", told, re.MULTILINE)
    assert float(ended) >= 2
    os.close(terminal)
    assert process.wait() == 130
    record = only(tmp_path / "bundles")
    assert record["status"] == "aborted"
    assert 2 <= record["trials"]["completed"] < 20
    assert processes_below(lab_root) == []
