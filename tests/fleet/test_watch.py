"""Waiting for a fleet: what is told, what Slurm forgets, and when the waiting ends."""

from __future__ import annotations

from collections import Counter

import pytest

from ormlab.base.errors import LoadError, UsageError
from ormlab.fleet import watch
from ormlab.fleet.documents import Fleet
from ormlab.fleet.outcomes import Stage
from tests.fleet.making import attempt, deliver, fleet, task


class News:
    def __init__(self):
        self.stages, self.notes, self.warnings = [], [], []

    def stage(self, what):
        self.stages.append(what)

    def note(self, what):
        self.notes.append(what)

    def warn(self, what):
        self.warnings.append(what)


class Script:
    """Slurm and the tasks, one step for each pause; a step does something and says the tasks."""

    def __init__(self, *steps):
        self.steps, self.at, self.asked = steps, 0, 0

    def ask(self):
        self.asked += 1
        said = self.steps[min(self.at, len(self.steps) - 1)]
        if isinstance(said, Exception):
            raise said
        return {each.run: each for each in said}

    def pause(self, seconds):
        assert seconds == watch.ASKS_EVERY_S
        self.at += 1


def watched(folder, made, script, do=None):
    news = News()

    def pause(seconds):
        script.pause(seconds)
        if do:
            do(script.at)

    found = watch.watch(folder, made, news, ask=script.ask, pause=pause)
    return found, news


def test_a_lost_node_a_second_attempt_and_a_seal_are_each_told_once(tmp_path):
    made = fleet(tmp_path, runs=2)
    deliver(tmp_path, 2, "n1")
    script = Script(
        [task(1, "RUNNING", node="n2")],
        [task(1, "RUNNING", node="n2")],
        [task(1, "PENDING", reason="BeginTime", restarts=1)],
        [task(1, "RUNNING", restarts=1, node="n3")],
        [],  # Slurm has forgotten it
    )

    def do(at):
        if at == 1:
            attempt(tmp_path, 1, "n2")
        if at == 3:
            attempt(tmp_path, 1, "n3", restarts=1)
        if at == 4:
            deliver(tmp_path, 1, "n3", restarts=1)

    found, news = watched(tmp_path, made, script, do)
    assert [each.stage for each in found] == [Stage.SEALED, Stage.SEALED]
    assert news.notes == [
        "run 1 is measured on n2",
        "run 2 is sealed: 2 trials",
        "run 1 is measured on n3, for the second time",
        "run 1 is sealed: 2 trials on n3; attempt 1 was lost with n2",
    ]
    assert news.warnings == ["run 1 waits to be begun again; attempt 1 was lost with n2"]
    assert news.stages[-1].endswith(": 2 of 2 runs sealed")


def test_what_is_all_sealed_needs_no_slurm(tmp_path):
    made = fleet(tmp_path)
    deliver(tmp_path, 1, "n1")
    script = Script(LoadError("slurm-silent", "Slurm says nothing"))
    found, news = watched(tmp_path, made, script)
    assert (found[0].stage, script.asked, news.warnings) == (Stage.SEALED, 0, [])


def test_each_look_reads_the_folder_of_a_run_once(tmp_path, monkeypatch):
    """The folders may lie on another machine, and hold every bundle of the fleet."""
    made = fleet(tmp_path, runs=2)
    deliver(tmp_path, 1, "n1")
    script = Script([task(2, "RUNNING")], [task(2, "RUNNING")], [task(2, "TIMEOUT")])
    reads, read = Counter(), watch.read_run

    def counted(folder, number):
        reads[script.asked, number] += 1
        return read(folder, number)

    monkeypatch.setattr(watch, "read_run", counted)
    watched(tmp_path, made, script)
    # Before the first question, it is seen whether there is anything to ask.
    assert reads == dict.fromkeys([(look, run) for look in range(4) for run in (1, 2)], 1)


def test_a_silent_slurm_is_told_once_and_nothing_is_concluded_from_it(tmp_path):
    made = fleet(tmp_path)
    silent = LoadError("slurm-silent", "Slurm does not say what became of job 12: connect failure")
    script = Script(silent, silent, [task(1, "CANCELLED")])
    found, news = watched(tmp_path, made, script)
    assert found[0].stage is Stage.CANCELLED
    assert news.warnings == [f"{silent.what}; the lab goes on asking", "run 1 was cancelled"]
    assert script.asked == 3


def test_the_end_that_slurm_told_is_remembered_when_it_forgets(tmp_path):
    made = fleet(tmp_path, runs=2)
    script = Script(
        [task(1, "TIMEOUT"), task(2, "RUNNING")],
        [task(2, "RUNNING")],
        [task(2, "TIMEOUT")],
    )
    found, _ = watched(tmp_path, made, script)
    assert [each.said for each in found] == ["reached Slurm's time limit"] * 2


def test_a_bundle_that_is_seen_late_is_no_loss(tmp_path):
    """A network's file system shows what another node wrote up to a minute later."""
    made = fleet(tmp_path)
    script = Script([task(1, "COMPLETED", node="n1")])

    def do(at):
        if at == 5:
            deliver(tmp_path, 1, "n1")

    found, news = watched(tmp_path, made, script, do)
    assert (found[0].stage, news.warnings) == (Stage.SEALED, [])


def test_a_task_without_a_trace_is_lost_after_a_minute(tmp_path):
    made = fleet(tmp_path)
    script = Script([task(1, "RUNNING", node="n1")], [])
    found, news = watched(tmp_path, made, script)
    assert found[0].stage is Stage.LOST
    assert script.at == 1 + 60 / watch.ASKS_EVERY_S
    assert len(news.warnings) == 1


def test_on_this_machine_nothing_is_late(tmp_path):
    made = fleet(tmp_path, job=None, hosts=("rack1",))
    script = Script([task(1, "FAILED", exit_code=1, node="rack1")])
    found, _ = watched(tmp_path, made, script)
    assert (found[0].stage, script.asked) == (Stage.LOST, 1)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"there is no fleet\.json"):
        Fleet.read(tmp_path)


def test_a_fleet_is_read_as_it_was_written(tmp_path):
    assert fleet(tmp_path, runs=2, constraint="equal") == Fleet.read(tmp_path)
