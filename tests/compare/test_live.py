"""The interval while a run goes on."""

from __future__ import annotations

import math

from analysis.figures import Figures
from analysis.inference.nullarm import widen
from ormlab.compare.live import LiveInterval
from ormlab.run.progress import TrialNews
from tests.compare.test_plan import request, resolved


class Told:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.notes, self.trials, self.others = [], [], []

    def note(self, what):
        self.notes.append(what)

    def trial(self, news):
        self.trials.append(news)

    def stage(self, what):
        self.others.append(what)

    warn = stage


def figures(throughput):
    return Figures(
        requests=100,
        errors=0,
        window_s=1.0,
        throughput=throughput,
        latency_ms={"p50": 1000 / throughput},
        latency_kind="service time",
        cpu_us={"service": 900.0},
        rss_bytes={},
        pss_bytes=None,
        littles_ratio=None,
        connections=8,
        problems=(),
    )


def drive(watch, made, lost=()):
    """Report every trial in its order: the figure follows from its subject and its block."""
    values = {}
    for trial in made.trials:
        value = 1000 + 7 * trial.index + 300 * (trial.subject == "tortoise")
        failed = (trial.subject, trial.block) in lost
        values.setdefault(trial.subject, {})[trial.block] = None if failed else float(value)
        status = "timeout" if failed else "ok"
        watch.trial(TrialNews(trial, len(made.trials), figures(value), status, 0.0))
    return values


def test_the_interval_stands_there_after_each_block_from_the_second():
    told, made = Told(), resolved(request("asyncpg", "tortoise", blocks=4, time_s=90.0))
    values = drive(LiveInterval(told, made, "throughput"), made)
    assert len(told.trials) == len(made.trials)
    assert [note.partition(":")[0] for note in told.notes] == [
        f"after {count} of 4 blocks" for count in (2, 3, 4)
    ]
    assert all(note.endswith("not a verdict") for note in told.notes)
    whole = widen(values["asyncpg"], values["tortoise"], values["asyncpg-null"])
    assert f"x {whole.estimate.ratio:.3f}" in told.notes[-1]
    assert math.isfinite(whole.estimate.ratio)


def test_a_block_with_a_failed_trial_counts_once_it_was_repeated():
    told, made = Told(), resolved(request("asyncpg", "tortoise", blocks=3, time_s=90.0))
    live = LiveInterval(told, made, "throughput")
    drive(live, made, lost={("tortoise", 2)})
    assert [note.partition(":")[0] for note in told.notes] == ["after 2 of 3 blocks"]
    again = next(e.again() for e in made.trials if (e.subject, e.block) == ("tortoise", 2))
    live.trial(TrialNews(again, len(made.trials), figures(1500), "ok", 0.0))
    assert [note.partition(":")[0] for note in told.notes][1:] == ["after 3 of 3 blocks"]


def test_every_candidate_and_the_metric_asked_for_are_shown():
    told, made = Told(), resolved(request("asyncpg", "tortoise", "sqlalchemy", blocks=2))
    drive(LiveInterval(told, made, "p50"), made)
    assert [
        "tortoise / asyncpg, p50" in told.notes[0],
        "sqlalchemy / asyncpg, p50" in told.notes[1],
    ] == [True, True]
    watch = LiveInterval(told, made, "p50")
    watch.stage("a")
    watch.warn("b")
    assert told.others == ["a", "b"]
