"""What the runs of wrk of a trial mean, and that they must agree."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis import generators
from analysis.resources import Course, Looks
from bundle.codec import serialise
from bundle.documents.readings import Sampler, TrialReadings, Window
from bundle.generators import client
from bundle.generators.wrk import Wrk, WrkErrors
from bundle.generators.wrk_switchback import Slice, Spec, WrkSwitchback
from bundle.read import Trial
from tests.bundle import making

NS = 1_000_000_000
BEGIN = 100 * NS
CONNECTIONS = 4
OPENING_NS = NS // 50
LATE_NS = NS // 1000


def run(number, *, after, at, latencies=((10_000, 380), (20_000, 10))):
    """A run of wrk of a second on four connections, of which each answer took 10 or 20 ms."""
    begun = at + NS // 20
    first, stop = begun + OPENING_NS, begun + NS + 5_000_000
    return Slice(
        round=number,
        position=1,
        after=after,
        start_ns=first,
        stop_ns=stop,
        answers=389,
        drained_ns=stop + NS // 20,
        service_ns=NS,
        database_ns=NS // 2,
        load_ns=NS // 4,
        delay_ns=0,
        steal_ns=0,
        foreign_ns=-(NS // 100),
        rested_ns=NS // 10,
        rest_ns=0,
        asked_ns=at,
        ended_ns=stop + NS // 100,
        read_from_ns=first + LATE_NS,
        read_until_ns=stop + LATE_NS,
        wrk=Wrk(
            schema="wrk/1",
            threads=2,
            connections=CONNECTIONS,
            connections_opened=CONNECTIONS,
            requests=390,
            duration_us=1_005_000,
            bytes=1,
            errors=WrkErrors(connect=0, read=0, write=0, status=0, timeout=0),
            latency_us=latencies,
            table_exhausted=False,
            begun_ns=begun,
            first_answer_ns=first,
        ),
    )


@pytest.fixture
def folder(tmp_path):
    slices = [run(1, after=None, at=BEGIN), run(2, after="a", at=BEGIN + 2 * NS)]
    start, stop = slices[0].start_ns, slices[-1].stop_ns
    report = WrkSwitchback(
        schema="wrk-switchback/1",
        spec=Spec(
            subject="a",
            subjects=["a"],
            host="127.0.0.1",
            port=8080,
            connections=CONNECTIONS,
            warmup_s=1.0,
            duration_s=2.0,
            slice_s=1.0,
            seed=1,
            table="requests.tsv",
            repeatable=True,
            timeout_s=10.0,
            threads=2,
        ),
        measured=True,
        failure=None,
        window=client.Window(
            start_ns=start,
            stop_ns=stop,
            start_utc="2026-11-23T03:15:00Z",
            stop_utc="2026-11-23T03:15:01Z",
            seconds=(stop - start) / NS,
        ),
        slice_s=1.0,
        set_s=0.01,
        slices=slices,
        unread={},
    )
    (tmp_path / report.PATH).write_bytes(serialise(report))
    return tmp_path


def edit(folder, change):
    path = folder / WrkSwitchback.PATH
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def found(folder, *, failed=False):
    record = making.trial_record(0, failed=failed)
    return [(each.code, each.what) for each in generators.contradictions(Trial(folder, record))]


def test_the_opening_of_connections_is_no_part_of_the_figure(folder):
    figures = generators.of(folder).figures
    assert figures.requests == 2 * 389
    assert figures.window_s == pytest.approx(2 * (1.005 - 0.02))
    assert figures.littles_ratio == pytest.approx(2 * 4.0 / (2 * 1.005 * CONNECTIONS))
    assert figures.bins == ((10_000, 760), (20_000, 20))
    assert figures.cpu_s == {"service": 2.0, "database": 1.0, "load": 0.5}
    assert figures.slice_s == 1.0
    assert found(folder) == []


def test_readings_are_over_the_slices(folder):
    output = generators.of(folder)
    read_s = 2 * (1.005 - 0.02)
    # Two threads share a quarter of a second of CPU time.
    assert output.busiest(2) == pytest.approx(100 * 0.5 / 2 / read_s)
    assert output.busiest(1) == pytest.approx(100 * 0.5 / read_s)
    # A difference of roundings: no foreign load is less than none.
    assert output.foreign.percent == 0.0


def test_the_rounding_errors_of_foreign_load_cancel_out(folder):
    def balanced(told):
        told["slices"][0]["foreign_ns"] = 30_000_000

    edit(folder, balanced)
    read_s = 2 * (1.005 - 0.02)
    assert generators.of(folder).foreign.percent == pytest.approx(100 * 0.02 / read_s)


def without_instants(told):
    """As older reports are, whose readings span the whole of a run."""
    for each in told["slices"]:
        del each["read_from_ns"], each["read_until_ns"]


def late(told):
    told["slices"][0]["read_from_ns"] += NS // 10


@pytest.mark.parametrize(("change", "share"), [(without_instants, "6.6 %"), (late, "5.5 %")])
def test_cpu_time_that_was_read_far_from_the_ends_of_slices_is_no_figure(folder, change, share):
    edit(folder, change)
    output = generators.of(folder)
    assert output.figures.cpu_s == dict.fromkeys(("service", "database", "load"))
    assert output.unread["service"] == f"the readings are late by {share} of the slices"
    assert found(folder) == []


def test_a_stall_is_seen_within_slices_only(folder):
    def course(idle):
        """The service uses a tick in every look of 0.1 s, but for an idle span."""
        at = np.arange(BEGIN, BEGIN + 4 * NS, NS // 10)
        busy = [not (idle[0] <= each - BEGIN < idle[1]) for each in at]
        ticks = np.cumsum(np.where(busy, 10, 0))
        return Course({"service": Looks(at, ticks), "load": Looks(at, ticks * 0), "database": None})

    readings = TrialReadings(
        window=Window(started="", started_ns=BEGIN, ended_ns=BEGIN + 4 * NS),
        sampler=Sampler(cpu_s=0.0, readings=1, tick_hz=100, page_bytes=4096),
    )
    output = generators.of(folder)
    between = output.silence(readings, lambda: course((1_150_000_000, 2 * NS)))
    within = output.silence(readings, lambda: course((300_000_000, 900_000_000)))
    assert between.seconds <= 0.3
    assert within.seconds >= 0.5
    assert within.begins_s == pytest.approx(0.2, abs=0.11)


def of_slice(**fields):
    return lambda told: told["slices"][1].update(fields)


def of_wrk(**fields):
    return lambda told: told["slices"][1]["wrk"].update(fields)


@pytest.mark.parametrize(
    ("code", "words", "change"),
    [
        ("generator-mismatch", "389 answers", of_slice(answers=388)),
        ("generator-mismatch", "by wrk", of_slice(start_ns=102 * NS + NS // 2)),
        ("generator-mismatch", "by wrk", of_wrk(begun_ns=1)),
        ("generator-mismatch", "by wrk", of_wrk(first_answer_ns=None)),
        ("generator-mismatch", "wrk ran from", of_slice(asked_ns=102 * NS + NS // 10)),
        ("generator-mismatch", "wrk ran from", of_slice(ended_ns=102 * NS)),
        ("generator-mismatch", "read from", of_slice(read_until_ns=104 * NS)),
        ("generator-mismatch", "threads", of_wrk(threads=1)),
        ("generator-mismatch", "where a slice lasts", lambda told: told.update(slice_s=2.0)),
        ("generator-mismatch", "recovered samples", of_wrk(requests=391)),
        ("generator-mismatch", "due once", of_slice(round=3)),
        ("generator-mismatch", "less than no", of_slice(steal_ns=-1)),
        (
            "trial-status",
            "too late",
            of_wrk(
                requests=391,
                errors={"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 1},
            ),
        ),
        ("littles-law", "never measured", of_wrk(latency_us=[[10_000, 300], [20_000, 90]])),
        ("littles-law-low", "of the time", of_wrk(latency_us=[[5_000, 390]])),
        (
            "generator-unreadable",
            "reach too far",
            of_wrk(latency_us=[[10_000, 389], [10**15, 1]]),
        ),
        ("generator-unreadable", "wrk", lambda told: told["slices"][0].pop("wrk")),
    ],
)
def test_a_report_that_says_otherwise_is_found(folder, code, words, change):
    edit(folder, change)
    assert any(code == kind and words in what for kind, what in found(folder)), found(folder)


def test_a_trial_of_which_something_failed_may_have_errors(folder):
    edit(folder, of_wrk(errors={"connect": 1, "read": 0, "write": 0, "status": 0, "timeout": 0}))
    assert "trial-status" in {code for code, _ in found(folder)}
    assert "trial-status" not in {code for code, _ in found(folder, failed=True)}


def test_a_block_that_ended_before_its_first_slice_can_be_read(folder):
    edit(folder, lambda told: told.update(slices=[]))
    output = generators.of(folder)
    figures = output.figures
    assert (figures.requests, figures.throughput, figures.span_ns) == (0, 0.0, None)
    assert (figures.littles_ratio, output.busiest(1), output.edge(None)) == (None, None, 0.0)
    assert found(folder) == []
