"""What a fleet prints at its end."""

from __future__ import annotations

from pathlib import Path

from analysis.fleet import compare
from ormlab.cli.fleet_text import fleet_text
from ormlab.fleet.combined import FleetResult
from ormlab.fleet.outcomes import RunOutcome, Stage
from tests.fleet.test_combined import fleet


def test_the_text_has_the_verdict_first_then_the_nodes_then_every_run():
    outcomes = [
        RunOutcome(1, Stage.SEALED, "is sealed: 4 trials on n1"),
        RunOutcome(2, Stage.LOST, "was lost with its node"),
    ]
    result = FleetResult(compare(fleet((1200.0, 1210.0))), (Path("fleet-1/run-1/x"),), ())
    lines = fleet_text(outcomes, result, Path("fleet-1")).splitlines()
    (told,) = result.comparisons
    assert lines[0].startswith(f"{told.verdict}: a / b, throughput, read-one under wrk is 1.2")
    assert "by 4 runs on 2 nodes, random effects" in lines[0]
    assert [line.split()[0] for line in lines if line.strip().startswith(("n1", "n2"))] == [
        "n1",
        "n2",
    ]
    assert any(line.startswith("the nodes differ by up to 0") for line in lines)
    assert "1 of 2 runs sealed, 1 lost" in lines
    assert "  run 2 was lost with its node" in lines
    assert lines[-1] == "bundle: fleet-1/run-1/x"
