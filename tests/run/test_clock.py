"""A run during which the wall clock is set back an hour."""

from __future__ import annotations

import json
import subprocess
import sys

from ormlab.verify import verify
from tests.conftest import CHECKOUT
from tests.run.small import alone


def test_it_is_sealed_judged_and_says_so(inventory, small_plan, tmp_path):
    plan, bundles = small_plan(lambda plan: alone(plan, blocks=1)), tmp_path / "bundles"
    command = [sys.executable, "-m", "tests.run.clock_back", "run", str(plan)]
    command += ["--inventory", str(inventory), "--bundles", str(bundles), "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (bundle,) = [path for path in bundles.iterdir() if path.is_dir()]
    record = json.loads((bundle / "bundle.json").read_bytes())
    assert record["status"] == "complete"
    assert 3000 < record["clock_set_back_s"] <= 3600
    assert record["sealed"] >= record["created"]
    assert verify(bundle).ok
