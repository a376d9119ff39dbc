"""How much of a demo's time is spent measuring, and what the sampler costs meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from host.environment import environment


def run(plan: str = "demo") -> dict[str, Any]:
    """Run the demo and relate its parts.

    The environments and the dataset are there already, as in a second run.

    Returns:
        demo.measured_over_wall: seconds inside measured windows over seconds of the whole command;
        demo.sampler_core_share: CPU seconds of sampling over seconds sampled;
        and what they were made from.
    """
    started = time.monotonic()
    answer = subprocess.run(
        [Path(sys.executable).with_name("ormlab"), "run", plan, "--json"],
        env=environment("orchestrator"),
        check=True,
        stdout=subprocess.PIPE,
    )
    wall_s = time.monotonic() - started
    folder = Path(json.loads(answer.stdout)["folder"])
    results = json.loads((folder / "derived/results.json").read_bytes())
    # A load of which no trial may be used has no cell, and has measured nothing.
    durations = {cell["load"]: cell["drive"]["duration_s"] for cell in results["cells"]}
    trials = [json.loads(path.read_bytes()) for path in folder.glob("trials/*/trial.json")]
    measured_s = sum(durations.get(trial["load"], 0) for trial in trials)
    sampled = [trial["readings"]["sampler"]["cpu_s"] for trial in trials]
    windows = [trial["readings"]["window"] for trial in trials]
    sampled_s = sum(window["ended_ns"] - window["started_ns"] for window in windows) / 1e9
    return {
        "demo.measured_over_wall": measured_s / wall_s,
        "demo.measured_s": measured_s,
        "demo.wall_s": wall_s,
        "demo.trials": len(trials),
        "demo.sampler_core_share": sum(sampled) / sampled_s,
    }
