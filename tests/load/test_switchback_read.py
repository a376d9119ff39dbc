"""What the analysis reads of the files that the load really leaves."""

from __future__ import annotations

import pytest
from msgspec import structs

from analysis import generators
from bundle.documents.readings import TrialReadings
from bundle.generators.switchback import Switchback
from bundle.read import Trial
from ormlab.run.measure.keep import keep
from tests.bundle import making
from tests.load.switching import block_settings, run, start

__all__ = ["block_settings", "run", "start"]


@pytest.fixture
def kept(run, tmp_path):
    """Run the load on services, and keep its files as a bundle has them: trials by subject."""

    def trials(services, **changes):
        ran = run(services, **changes)
        assert (ran.exit_code, ran.stderr) == (0, "")
        found = {}
        for name in services:
            folder = tmp_path / "kept" / name
            folder.mkdir(parents=True)
            keep(ran.folder / name, folder)
            record = structs.replace(making.trial_record(0), subject=name)
            found[name] = Trial(folder, record)
        return found

    return trials


def test_the_files_of_a_block_contradict_nothing(kept, start_service):
    trials = kept({"a": start_service(), "b": start_service(delay_s=0.005)})
    for trial in trials.values():
        # A busy machine may keep the generator waiting between an answer and the next request.
        codes = {each.code for each in generators.contradictions(trial)}
        assert codes <= {"littles-law-low"}
    assert list(generators.disagreements(trials.values())) == []


def test_figures_are_those_of_the_slices(kept, start_service):
    trials = kept({"a": start_service(), "b": start_service(delay_s=0.005)})
    for name, trial in trials.items():
        output = generators.of(trial.path)
        report, figures = output.report, output.figures
        assert isinstance(report, Switchback)
        assert report.spec.subject == name
        assert figures.requests == report.samples.rows > 0
        assert figures.window_s == pytest.approx(report.seconds)
        assert output.unrecorded == {"service": 0}
        assert figures.cpu_s["service"] > 0
        assert figures.cpu_s["database"] is None
        assert output.unread == {"database": "the database server runs on another host"}
        assert output.busiest(1) > 0
        assert output.silence(TrialReadings(), dict).seconds <= report.seconds


def test_work_that_a_service_puts_off_shows_in_its_rests(kept, start_service):
    services = {"a": start_service(put_off_s=0.02), "b": start_service(delay_s=0.005)}
    outputs = {name: generators.of(trial.path) for name, trial in kept(services).items()}
    assert outputs["a"].resting.percent > 2 > outputs["b"].resting.percent
