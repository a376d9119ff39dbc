from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from msgspec import UNSET

from analysis import growth, resources
from analysis.growth import Grown, over, slope
from tests.gates.recorded import WRK, Recorded

MIB = 2**20
HOUR = 3600.0


def course(per_hour, *, noise=0.0, rho=0.0, seed=0, count=360):
    """Looks of an hour at a line with noise of the first order."""
    random = np.random.default_rng(seed)
    at = np.linspace(10, HOUR, count)
    kept = np.zeros(count)
    for turn, fresh in enumerate(random.normal(scale=noise, size=count)):
        kept[turn] = rho * kept[turn - 1] + fresh
    return at, 80 * MIB + per_hour * at / HOUR + kept


def looks(sizes, every=10.0):
    return [
        {"at_s": every * (number + 1), "pss_bytes": size, "anonymous_bytes": size and size // 2}
        for number, size in enumerate(sizes)
    ]


@pytest.fixture
def trial(tmp_path):
    """A recorded trial whose looks a test may set."""
    made = Recorded(WRK, tmp_path, "vm", "exclusive-core")
    made.observed["sampler"] |= {"ended_children": True, "unread": {}}
    return made


def grown(*trials):
    return growth.of_trials(each.evidence() for each in trials)


@pytest.mark.parametrize("per_hour", [0.0, 3.0 * MIB, -5.0 * MIB])
def test_the_slope_of_a_line_is_that_line(per_hour):
    assert slope(*course(per_hour)).per_hour == pytest.approx(per_hour, abs=1e-3)


def test_a_buffer_that_comes_and_goes_hardly_moves_a_slope():
    at, sizes = course(2.0 * MIB)
    sizes[300:340] += 50 * MIB
    by_squares = float(np.polyfit(at, sizes, 1)[0]) * HOUR
    assert abs(slope(at, sizes).per_hour - 2 * MIB) < 0.2 * MIB
    assert abs(by_squares - 2 * MIB) > 5 * MIB


def test_the_interval_over_deployments_holds_the_truth_although_looks_are_alike():
    """Where each look keeps 0.95 of the last one's noise; over 4 deployments, 100 times."""
    truth, held = 1.0 * MIB, 0
    for turn in range(100):
        slopes = [
            slope(*course(truth, noise=0.1 * MIB, rho=0.95, seed=4 * turn + each, count=60))
            for each in range(4)
        ]
        told = over(slopes)
        held += told.low <= truth <= told.high
    assert 91 <= held <= 99  # 95, and two standard deviations of 2.2 either way


def test_the_mean_of_deployments_has_the_t_interval():
    told = over([Grown(1.0), Grown(2.0), Grown(3.0)])
    half = 4.302652729911275 / np.sqrt(3)
    assert (told.per_hour, told.deployments, told.reason) == (2.0, 3, None)
    assert (told.low, told.high) == (pytest.approx(2 - half), pytest.approx(2 + half))


def test_a_single_deployment_has_a_slope_and_says_why_it_has_no_interval():
    told = over([Grown(1.0)])
    assert (told.per_hour, told.low, told.high, told.deployments) == (1.0, None, None, 1)
    assert told.reason == "a single deployment has no spread, and so no interval"


def test_deployments_without_a_slope_are_left_out_and_say_why():
    told = over([Grown(1.0), Grown(None, "it was unreadable"), Grown(3.0)])
    assert (told.per_hour, told.deployments, told.reason) == (2.0, 2, "it was unreadable")
    none = over([Grown(None, "it was unreadable")])
    assert (none.per_hour, none.deployments, none.reason) == (None, 0, "it was unreadable")


@pytest.mark.parametrize(
    ("at", "sizes"),
    [
        ([], []),
        ([1.0], [5]),
        ([1.0] * 9, range(9)),
        ([0.0, 1e-300] * 5, [0, 1e300] * 5),
        ([0.0, 1e-9] * 5, [0, 2**64] * 5),
    ],
)
def test_looks_that_give_no_slope_say_why(at, sizes):
    found = slope(at, list(sizes))
    assert found.per_hour is None
    assert found.reason.startswith("its looks were all at one instant")


def test_many_looks_take_little_time():
    at, sizes = course(1.0 * MIB, count=500_000)
    assert slope(at, sizes).per_hour == pytest.approx(1.0 * MIB, rel=1e-6)


def test_the_growth_of_a_trial_is_read_from_its_looks(trial):
    trial.observed["memory"]["service_looks"] = looks([MIB * each for each in range(70, 90)])
    told = grown(trial, trial)
    assert told.pss.per_hour == pytest.approx(360 * MIB)
    assert told.anonymous.per_hour == pytest.approx(180 * MIB)
    assert (told.pss.low, told.pss.high) == (told.pss.per_hour, told.pss.per_hour)
    assert told.rss.deployments == 2


def test_the_resident_set_is_that_of_all_processes_of_the_service(trial):
    path = trial.folder / "resources.parquet"
    window = trial.observed["window"]
    table = pq.read_table(path)
    at = table.column("at_ns").to_numpy()
    pages = 1000 * (at - window["started_ns"]) // 10**9
    second = table.set_column(table.column_names.index("rss_pages"), "rss_pages", [pages])
    pq.write_table(second, path, write_page_checksum=True)
    span = (window["started_ns"], window["ended_ns"])
    instants, sizes = resources.read_resident(path, 4096, span)
    assert ((span[0] <= instants) & (instants <= span[1])).all()
    of_service = table.column("role").to_pylist().count("service")
    assert 1 < len(instants) <= of_service
    assert set(np.diff(instants) > 0) == {True}
    expected = 1000 * 4096 * (instants - span[0]) // 10**9
    assert sizes == pytest.approx(expected, rel=0.05, abs=2 * 4096 * 1000)


def test_short_windows_and_older_bundles_have_no_growth(trial):
    assert grown(trial) is UNSET
    trial.observed["memory"]["service_looks"] = looks([MIB] * 4)
    assert grown(trial) is UNSET
    trial.observed["memory"]["service_looks"] = looks([MIB] * 5)
    assert grown(trial).pss.per_hour == 0


def test_a_memory_that_could_not_be_read_is_null_with_its_reason(trial):
    trial.observed["memory"] |= {
        "service_looks": looks([None] * 6),
        "service_looks_unread": "smaps_rollup cannot be read",
    }
    trial.observed["sampler"]["unread"] = {"service": "process 7 could not be read"}
    told = grown(trial)
    assert told.pss.reason == told.anonymous.reason == "smaps_rollup cannot be read"
    assert told.rss.reason == "process 7 could not be read"
    assert (told.rss.per_hour, told.pss.per_hour, told.anonymous.per_hour) == (None, None, None)


def test_a_kernel_that_does_not_tell_files_apart_has_no_growth_without_them(trial):
    told = looks([MIB] * 6)
    trial.observed["memory"]["service_looks"] = [each | {"anonymous_bytes": None} for each in told]
    assert grown(trial).anonymous.reason == "0 looks of 6 have it, 5 are needed"
    assert grown(trial).pss.reason == "a single deployment has no spread, and so no interval"
