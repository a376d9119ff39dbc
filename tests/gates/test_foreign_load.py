"""What other programs did meanwhile stands first in the conclusion."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis import gates, results
from analysis.gates.gate import Finding, Reading
from analysis.gates.rest import FOREIGN_LOAD
from bundle import typed
from bundle.documents.host import HostFacts, HostReadings
from bundle.read import Bundle
from ormlab.cli.tables import results_text
from tests.bundle import making
from tests.report import recorded
from tests.verify.recorded import change

GATE = next(gate for gate in gates.GATES if gate.code == FOREIGN_LOAD)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Recorded while two cores were busy with other programs, by load that tells of no slices."""
    return Bundle.open(recorded.make(tmp_path_factory.mktemp("foreign")))


def judged(bundle):
    return results.derive(bundle, typed.read_plan(bundle.path), typed.read(bundle.path, HostFacts))


def test_two_busy_foreign_cores_stand_first(bundle):
    read = typed.read(bundle.path, HostReadings).readings["foreign_cpu"].value
    assert read == 1.96
    told = judged(bundle)
    assert told.foreign_load == "other programs used 1.96 cores just before the first trial"
    assert told.conclusion.startswith(
        "Other programs used 1.96 cores just before the first trial. "
    )
    assert told.conclusion.count("1.96 cores") == 1
    assert told.weaknesses[0] == told.foreign_load
    assert results_text(told, bundle.path).startswith("Other programs used 1.96 cores")


def test_a_quiet_host_is_not_mentioned(bundle, tmp_path):
    quiet = recorded.make(tmp_path)
    change(
        quiet / "host/readings.before.json",
        lambda read: read["readings"]["foreign_cpu"].update(value=0.1),
    )
    making.relist(quiet)
    making.reseal(quiet)
    told = judged(Bundle.open(quiet))
    assert told.foreign_load is None
    assert told.conclusion == judged(bundle).conclusion.partition("trial. ")[2]


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([5.0, 12.0], None),  # the slices know better than the second before them
        ([5.0, 187.6, 40.0], "other programs used up to 1.88 cores during 2 of 3 trials"),
        ([100.0, None], "other programs used up to 1 core during 1 of 1 trial"),
        ([None, None], "other programs used 1.96 cores just before the first trial"),
    ],
)
def test_what_slices_read_counts_before_what_was_read_before_them(bundle, shares, said):
    gated = gates.read(bundle)
    (key, cell), *_ = gated.cells.items()
    trials = []
    for share, trial in zip(shares, cell.trials, strict=False):
        evidence = trial.evidence
        found = replace(GATE, read=lambda _, share=share: Reading(share)).judge(
            evidence, profile="vm", tier="degraded"
        )
        assert isinstance(found, Finding)
        trials.append(replace(trial, findings=(found,)))
    sliced = replace(gated, cells={key: replace(cell, trials=trials)})
    assert sliced.foreign_load == said
