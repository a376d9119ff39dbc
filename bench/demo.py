"""How much of a demo's time is spent measuring, and what the sampler costs meanwhile."""

from __future__ import annotations

import time

from bench import run_plan
from bundle import typed
from bundle.documents.results import Results
from bundle.read import Bundle


def run(plan: str = "demo") -> dict[str, object]:
    """Run the demo and relate its parts.

    The environments and the dataset are there already, as in a second run.

    Returns:
        demo.measured_over_wall: seconds inside measured windows over seconds of the whole command;
        demo.sampler_core_share: CPU seconds of sampling over seconds sampled;
        and what they were made from.
    """
    started = time.monotonic()
    folder = run_plan(plan)
    wall_s = time.monotonic() - started
    results, plan = typed.read(folder, Results), typed.read_plan(folder).plan
    # A load of which no trial may be used has no cell, and has measured nothing.
    durations = {cell.load: plan.loads[cell.load].duration_s for cell in results.cells}
    trials = [trial.record for trial in Bundle.open(folder).trials]
    measured_s = sum(durations.get(trial.load, 0) for trial in trials)
    sampled = [each.readings.sampler.cpu_s for each in trials if each.readings.sampler]
    windows = [each.readings.window for each in trials if each.readings.window]
    sampled_s = sum(window.ended_ns - window.started_ns for window in windows) / 1e9
    return {
        "demo.measured_over_wall": measured_s / wall_s,
        "demo.measured_s": measured_s,
        "demo.wall_s": wall_s,
        "demo.trials": len(trials),
        "demo.sampler_core_share": sum(sampled) / sampled_s,
    }
