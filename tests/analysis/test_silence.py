"""The longest time without an answer: by samples, by latencies, by CPU time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis import generators, resources, silence
from analysis.resources import Looks
from bundle.documents.readings import Sampler, TrialReadings, Window
from tests import generators as made
from workloads.load.client.histograms import Histogram

SECOND = 1_000_000_000


def seconds(*values):
    return (np.asarray(values, dtype=float) * SECOND).astype("int64")


def test_in_a_closed_loop_sending_is_a_sign_of_an_answer():
    # The first answers in the window are to requests of the warm-up: only what follows is seen.
    sent, end = seconds(0.0, 0.9, 1.8), seconds(2.8, 2.9, 3.0)
    found = silence.without_answers(sent, end, np.ones(3, dtype=bool), 3 * SECOND)
    assert (found.seconds, found.begins_s) == (pytest.approx(1.0), pytest.approx(1.8))


@pytest.mark.parametrize(
    ("sent", "end", "answered", "longest", "begins"),
    [
        ([0.0, 0.1], [0.1, 0.2], [1, 1], 4.8, 0.2),  # for the rest of the window
        ([0.0, 4.0], [4.0, 5.0], [1, 1], 4.0, 0.0),  # from its begin
        ([0.0, 0.1], [0.1, 9.0], [1, 1], 4.9, 0.1),  # answered long after it
        ([0.0, 2.0, 4.8], [2.0, 4.8, 9.0], [1, 1, 1], 2.8, 2.0),  # the last while none is sent
        ([0.0, 0.1], [0.1, 7.0], [1, 0], 6.9, 0.1),  # given up: no answer
        ([], [], [], 5.0, 0.0),  # nothing at all
    ],
)
def test_in_a_closed_loop_somebody_always_waits(sent, end, answered, longest, begins):
    found = silence.without_answers(
        seconds(*sent), seconds(*end), np.array(answered, dtype=bool), 5 * SECOND
    )
    assert (found.seconds, found.begins_s) == (pytest.approx(longest), pytest.approx(begins))


def test_a_slow_operation_among_fast_ones_may_be_silent():
    operation = np.array([0] * 1000 + [1] * 20, dtype="uint16")
    waited = seconds(*[0.001] * 1000, *[1.2] * 20)
    assert silence.slowest_usual_s(operation, waited, 8) == pytest.approx(1.2)
    # So few requests may all have been delayed by one stall.
    assert silence.slowest_usual_s(operation, waited, 10) == pytest.approx(0.001)
    assert silence.slowest_usual_s(operation[:0], waited[:0], 8) == 0


@pytest.mark.parametrize(
    ("due", "end", "answered", "longest"),
    [
        ([0.0, 4.0], [0.1, 4.2], [1, 1], 0.2),  # nothing was due in between: nobody waited
        ([0.0, 1.0, 4.0], [0.1, 4.1, 4.2], [1, 1, 1], 3.1),  # one was
        ([1.0, 2.0, 3.0], [1.1, 6.0, 6.0], [1, 1, 0], 4.0),  # answered after the window
        ([0.0, 1.0, 2.0], [0.1, 3.0, 5.0], [1, 0, 0], 4.0),  # given up, one after the other
        ([], [], [], 0.0),
    ],
)
def test_in_an_open_loop_somebody_waits_from_when_a_request_was_due(due, end, answered, longest):
    found = silence.waiting_for_answers(
        seconds(*due), seconds(*end), np.array(answered, dtype=bool)
    )
    assert found.seconds == pytest.approx(longest)


def read(folder, readings):
    """The longest silence, where the agent's looks are in the folder."""
    course = resources.read_course
    return generators.of(folder).silence(readings, lambda: course(folder / "resources.parquet"))


def course(*parts):
    """Ticks at ten looks a second, from how long and how fast: seconds, ticks a second."""
    at, used, looks = 0, 0.0, [(0, 0)]
    for lasts_s, pace in parts:
        for _ in range(round(lasts_s * 10)):
            at, used = at + SECOND // 10, used + pace / 10
            looks.append((at, int(used)))
    return looks


def idle(*parts, begin_s=0, end_s):
    at, ticks = np.array(course(*parts)).T
    begin, end = begin_s * SECOND, end_s * SECOND
    return silence.idle(Looks(at, ticks).within((begin, end)), begin)


@pytest.mark.parametrize(
    ("parts", "longest", "begins"),
    [
        ([(1, 90), (3, 0), (1, 90)], 3.0, 1.0),
        ([(1, 90), (4, 0)], 4.0, 1.0),
        ([(2, 0), (3, 90)], 2.0, 0.0),
        ([(1, 90), (3, 0.5), (1, 90)], 3.0, 1.0),  # a tick now and then is no answer
        ([(5, 90)], 0.0, 0.0),
    ],
)
def test_who_uses_no_cpu_time_is_idle(parts, longest, begins):
    found, telling_s = idle(*parts, end_s=5)
    assert found.seconds == pytest.approx(longest, abs=0.11)
    if longest:
        assert found.begins_s == pytest.approx(begins, abs=0.11)
    assert telling_s < 0.3


def test_who_needs_little_cpu_time_may_look_idle_for_longer():
    found, telling_s = idle((20, 4), end_s=20)
    assert found.seconds < telling_s == pytest.approx(5, rel=0.1)


def test_only_the_span_that_is_asked_for_is_looked_at():
    found, _ = idle((3, 0), (5, 90), (3, 0), begin_s=3, end_s=8)
    assert found.seconds < 0.11


@pytest.mark.parametrize(
    ("bins", "connections", "usual"),
    [
        (((1000, 900), (4_000_000, 100)), 100, 0.001),
        (((1000, 50), (4_000_000, 100)), 100, 0.001),  # most of them waited through a stall
        (((4_000_000, 100),), 100, 0.0),
        (((2_000_000, 10),), 1, 2.0),  # honestly slow
        ((), 4, 0.0),
    ],
)
def test_a_stall_does_not_change_what_is_usual(bins, connections, usual):
    assert silence.usual_s(bins, connections) == usual


@pytest.fixture
def client(tmp_path):
    """A trial of the asyncio client with these samples."""

    def write(sent, end, *, connections, kind="closed", stop=5.0):
        columns = {
            "intended_ns": seconds(*sent),
            "end_ns": seconds(*end),
            "status": np.full(len(sent), 200, "uint16"),
            "operation": np.zeros(len(sent), "uint16"),
        }
        pq.write_table(pa.table(columns), tmp_path / "samples.parquet", write_page_checksum=True)
        told = made.client(kind, seconds=stop, connections=connections)
        made.write(tmp_path, told)
        histogram = Histogram()
        histogram.add((columns["end_ns"] - columns["intended_ns"]).tolist())
        (tmp_path / "service.hdr").write_bytes(histogram.encode())
        return read(tmp_path, TrialReadings())

    return write


def test_what_waits_after_the_window_is_allowed_to_a_closed_loop(client, tmp_path):
    # Of four connections one has 40 fast answers in a window of a second, and then waits for more
    # than a second; the others' last requests end with the window.
    sent = [*np.linspace(0, 0.975, 40), *[0.0] * 3]
    end = [*np.linspace(0.025, 0.975, 39), 2.0, *[1.0] * 3]
    client(sent, end, connections=4, stop=1.0)
    output = generators.of(tmp_path)
    waited = sum(end) - sum(sent)
    assert waited / 4 > 1.2
    assert output.edge(None) >= waited / 4 - 1
    assert output.edge(None) < 0.3 + 4 / 100


def test_a_service_that_takes_seconds_for_each_request_does_not_stall(client):
    sent = np.arange(0, 20, 2.0)
    found = client(sent, sent + 2.0, connections=1, stop=20.0)
    assert found.seconds == pytest.approx(2.0)
    assert found.seconds < found.allowed_s == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("kind", ["closed", "open"])
def test_a_stall_that_most_requests_have_seen_is_one(client, kind):
    sent = [*np.linspace(0, 1, 50), *np.linspace(1, 1.01, 100)]
    end = [*np.linspace(0.01, 1, 50), *np.linspace(5.0, 5.1, 100)]
    found = client(sent, end, connections=100, kind=kind)
    assert found.allowed_s == 1.0
    assert found.seconds == pytest.approx(4.0, abs=0.05)


def test_the_latencies_of_the_articles_client_are_the_times_of_its_answers(tmp_path):
    ends_us = [*range(900_000, 1_000_000, 100), *range(4_000_000, 5_000_000, 1000)]
    made.write(tmp_path, made.article(ends_us[::-1]))
    found = read(tmp_path, TrialReadings())
    assert found.seconds == pytest.approx(3.0, abs=0.001)
    assert found.allowed_s == 1.0


@pytest.fixture
def sampled(tmp_path):
    """A trial of which only the CPU time of service and generator is known."""

    def write(service, load, unread=()):
        rows = [
            (turn, at, role, pid, ticks, 0, 1)
            for role, pid, looks in (("service", 7, service), ("load", 8, load))
            for turn, (at, ticks) in enumerate(looks, start=1)
        ]
        names = ("round", "at_ns", "role", "pid", "user_ticks", "system_ticks", "rss_pages")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        pq.write_table(pa.table(columns), tmp_path / "resources.parquet", write_page_checksum=True)
        sampler = Sampler(
            cpu_s=0.0,
            readings=len(rows),
            tick_hz=100,
            page_bytes=4096,
            ended_children=True,
            unread=dict.fromkeys(unread, "a reason"),
        )
        window = Window(started="", started_ns=0, ended_ns=service[-1][0])
        return TrialReadings(sampler=sampler, window=window)

    return write


def search(folder, *spans):
    probes = [made.probe(start, stop) for start, stop in spans]
    made.write(folder, made.capacity(probes))


def test_a_search_is_looked_at_in_the_windows_of_its_probes(tmp_path, sampled):
    observed = sampled(course((2, 50), (3, 0), (2, 50), (3, 0)), course((10, 50)))
    search(tmp_path, (0, 2), (5, 7))
    assert read(tmp_path, observed).seconds < 0.11
    search(tmp_path, (0, 2), (5, 10))
    found = read(tmp_path, observed)
    assert found.seconds == pytest.approx(3.0, abs=0.11)
    assert found.allowed_s == 1.0


def test_nothing_is_said_where_the_processes_were_not_all_read(tmp_path, sampled):
    search(tmp_path, (0, 10))
    observed = sampled(course((10, 0)), course((10, 0)), unread=["service"])
    assert read(tmp_path, observed) is None


def test_wrk_that_reads_its_requests_is_not_idle(tmp_path, sampled):
    (tmp_path / "wrk.stdout.txt").write_text("")
    reading = ((4, 0), (4, 90))
    observed = sampled(course(*reading), course((4, 100), (4, 10)))
    assert read(tmp_path, observed).seconds < 0.11
    observed = sampled(course(*reading), course((4, 0), (4, 10)))
    assert read(tmp_path, observed).seconds == pytest.approx(4.0, abs=0.11)
