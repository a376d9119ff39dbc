from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.latency import quantiles, read_hdr, total
from workloads.load.client import read_samples
from workloads.load.client.arrivals import NS, draw


def hdr(trial, name):
    return read_hdr(trial.folder / f"{name}.hdr")


def p99_s(trial, name):
    return quantiles(hdr(trial, name), [0.99])[0.99] / 1e6


@given(
    kind=st.sampled_from(["poisson", "constant"]),
    rate=st.floats(1, 5000),
    seconds=st.floats(0.01, 2),
    processes=st.integers(1, 5),
)
def test_arrivals_ascend_inside_the_window(kind, rate, seconds, processes):
    for process in range(processes):
        due = draw(kind, rate=rate, seconds=seconds, seed=1, process=process, processes=processes)
        assert list(due) == sorted(due)
        assert all(0 <= each <= seconds * NS for each in due)


def test_arrivals_are_drawn_from_the_seed():
    assert draw("poisson", rate=1000, seconds=1, seed=1) == draw(
        "poisson", rate=1000, seconds=1, seed=1
    )
    assert draw("poisson", rate=1000, seconds=1, seed=1) != draw(
        "poisson", rate=1000, seconds=1, seed=2
    )


def test_poisson_gaps_have_the_mean_and_spread_of_their_rate():
    due = draw("poisson", rate=1000, seconds=100, seed=1)
    gaps = [later - sooner for sooner, later in pairwise(due)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(1e6, rel=0.02)
    assert spread == pytest.approx(1e6, rel=0.03)


@given(processes=st.integers(1, 7))
def test_processes_deal_constant_arrivals_out(processes):
    parts = [
        draw("constant", rate=100, seconds=1, seed=1, process=each, processes=processes)
        for each in range(processes)
    ]
    assert sorted(due for part in parts for due in part) == list(range(0, NS, NS // 100))


def test_an_unknown_kind_of_arrivals_is_refused():
    with pytest.raises(ValueError, match="bursts"):
        draw("bursts", rate=1, seconds=1, seed=1)


@pytest.mark.parametrize("arrivals", ["poisson", "constant"])
def test_requests_are_sent_when_they_are_due(run_client, start_service, arrivals):
    trial = run_client(
        start_service(), rate=200, arrivals=arrivals, duration_s=1, warmup_s=0.2, processes=2
    )
    report = trial.report
    assert trial.exit_code == 0
    told = report["open_loop"]
    assert told["planned"] == told["sent"] == report["samples"]["rows"] == report["completed"]
    assert told["dropped"] == 0
    assert told["achieved"] == told["answered"] / told["planned"]
    samples = read_samples(trial.folder)
    late = sorted(s - i for i, s in zip(samples["intended_ns"], samples["sent_ns"], strict=True))
    assert late[0] >= 0
    assert late[len(late) // 2] < NS // 20  # half of them, on however busy a machine
    due = sorted(samples["intended_ns"])
    drawn = sorted(
        each - 200_000_000
        for process in range(2)
        for each in draw(arrivals, rate=200, seconds=1.2, seed=1, process=process, processes=2)
    )
    assert due == [each for each in drawn if each >= 0]
    assert told["planned"] == len(due) > 100


def test_the_three_histograms_hold_every_sample(run_client, start_service):
    trial = run_client(start_service(delay_s=0.002), rate=500)
    rows = trial.report["samples"]["rows"]
    assert {total(hdr(trial, name)) for name in ("response", "service", "dispatch")} == {rows}
    samples = read_samples(trial.folder)
    delays = [s - i for i, s in zip(samples["intended_ns"], samples["sent_ns"], strict=True)]
    assert max(high for high, _ in hdr(trial, "dispatch")) == pytest.approx(
        max(delays) / 1000, rel=0.002, abs=1
    )


def test_a_stall_shows_in_the_open_loop_and_not_in_the_closed_one(run_client, start_service):
    stall = {"stall_at": 400, "stall_s": 1.4, "delay_s": 0.001}
    opened = run_client(start_service(**stall), rate=500, duration_s=4, connections=4)
    closed = run_client(start_service(**stall), duration_s=4, connections=4)
    assert opened.exit_code == closed.exit_code == 0
    assert p99_s(opened, "response") > 1.2
    assert p99_s(closed, "response") < 0.7
    # Only a request on each connection saw the stall itself; the others waited to be sent.
    assert p99_s(opened, "service") < 0.7
    assert p99_s(opened, "dispatch") > 1.0


def test_too_few_connections_show_as_dispatch_delay(run_client, start_service):
    trial = run_client(
        start_service(delay_s=0.05), rate=100, duration_s=1, connections=2, arrivals="constant"
    )
    report = trial.report
    assert report["open_loop"]["achieved"] < 0.6
    assert (
        report["completed"] + report["censored"]["total"] == report["open_loop"]["planned"] == 100
    )
    assert max(high for high, _ in hdr(trial, "dispatch")) > 500_000


def test_what_the_deadline_finds_unfinished_is_censored_and_entered(run_client, start_service):
    trial = run_client(
        start_service(hang_from=51), rate=200, arrivals="constant", connections=4, timeout_s=2
    )  # two seconds for what is answered, however busy the machine is
    report = trial.report
    assert trial.exit_code == 0
    assert report["completed"] == 50
    assert report["censored"]["total"] == report["samples"]["rows"] - 50 == 50
    assert report["censored"]["unsent"] > 10
    assert report["open_loop"]["dropped"] == 0
    deadline = 2_500_000_000
    samples = read_samples(trial.folder)
    ends = zip(samples["sent_ns"], samples["end_ns"], samples["status"], strict=True)
    late = [(sent, end) for sent, end, status in ends if status == 0]
    assert len(late) == 50
    assert all(end <= deadline for _, end in late)
    unsent = [end for sent, end in late if sent == end]
    assert len(unsent) == report["censored"]["unsent"]
    assert set(unsent) == {deadline}
    assert total(hdr(trial, "response")) == 100
    assert total(hdr(trial, "service")) == 100 - len(unsent)
