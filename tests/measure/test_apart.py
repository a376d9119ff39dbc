"""One trial out of three hosts' parts: what is added up, what is renamed, what stays unknown."""

from __future__ import annotations

import csv

import pytest

from ormlab.run.measure import apart
from ormlab.run.measure.dispatch import Done
from ormlab.run.measure.station import Fetched

PLANNED = {"app": [2, 3], "db": [2], "load": [1]}
COLUMNS = ["round", "at_ns", "role", "pid", "user_ticks", "system_ticks", "rss_pages"]


def kernel(**changes):
    return {
        "seconds": 5.0,
        "clock_stepped_s": 0.001,
        "suspended_s": 0.0,
        "counted": {"swapped_in": 1, "steal_ticks": {"1": 1, "2": 2, "3": 3}},
        "kernel_log": {"messages": 2, "errors": 1},
        "frequency_khz": {"before": None, "after": None},
        "cost_s": 0.01,
    } | changes


def sampler(**changes):
    units = {"tick_hz": 100, "page_bytes": 4096}
    said: dict[str, dict] = {"stopped": {}, "unread": {}, "found_by": {}}
    return {"cpu_s": 0.1, "readings": 2, **units, **said} | changes


def test_counts_add_up_and_cpus_are_those_of_the_trial():
    kernels = {"app": kernel(), "db": kernel(clock_stepped_s=-0.5), "load": kernel(seconds=6.0)}
    whole = apart.kernel(kernels, PLANNED)
    assert whole["counted"] == {
        "swapped_in": 3,
        "steal_ticks": {"app/2": 2, "app/3": 3, "db/2": 2, "load/1": 1},
    }
    assert whole["seconds"] == 6.0
    assert whole["clock_stepped_s"] == -0.5
    assert whole["kernel_log"] == {"messages": 6, "errors": 3}


def test_a_host_with_two_purposes_keeps_the_cpus_of_both():
    both = {"service": [3], "database": [2]}
    app = {"kernel": kernel(), "affinity": {"planned": both, "observed": {}}}
    load = {"planned": {"load": [1]}, "observed": {}}
    driver = {"host": {"kernel": kernel(), "database": {}}, "affinity": load}
    whole = apart.observation(driver, {"app": app})["host"]["kernel"]
    assert whole["counted"]["steal_ticks"] == {"app/2": 2, "app/3": 3, "load/1": 1}


@pytest.mark.parametrize("unread", [{"counted": {"swapped_in": None}}, {"counted": {}}])
def test_a_count_that_one_kernel_does_not_tell_is_not_known(unread):
    whole = apart.kernel({"app": kernel(), "load": kernel(**unread)}, PLANNED)
    assert whole["counted"]["swapped_in"] is None
    assert whole["counted"]["steal_ticks"] is None


@pytest.mark.parametrize("key", ["clock_stepped_s", "suspended_s"])
def test_a_clock_that_one_host_does_not_tell_is_not_known(key):
    whole = apart.kernel({"app": kernel(), "load": kernel(**{key: None})}, PLANNED)
    assert whole[key] is None


def test_a_host_whose_kernel_nobody_asked_leaves_nothing_known():
    driver = {"host": {"kernel": kernel(), "database": {}}}
    whole = apart.observation(driver, {"app": {}})["host"]["kernel"]
    assert whole["seconds"] is None
    assert set(whole["counted"].values()) == {None}


def test_what_each_sampler_says_of_its_roles_is_kept():
    load = sampler(stopped={"load": 0}, found_by={"load": "children"})
    app = sampler(stopped={"service": 3}, unread={"service": "a reason"})
    whole = apart.observation({"sampler": load}, {"app": {"sampler": app}})["sampler"]
    assert whole["stopped"] == {"load": 0, "service": 3}
    assert whole["unread"] == {"service": "a reason"}
    assert whole["found_by"] == {"load": "children"}


def test_readings_of_a_host_whose_clock_was_not_compared_are_left_out(fetch):
    whole = apart.merge(fetch("load", 5), {"app": fetch("app", 1005)})
    assert readings(whole) == [("load", 5)]


def test_a_log_that_one_kernel_keeps_to_itself_is_not_known():
    whole = apart.kernel({"app": kernel(kernel_log=None), "load": kernel()}, PLANNED)
    assert whole["kernel_log"] is None


@pytest.fixture
def fetch(tmp_path):
    """What an order of a host left; its readings are at these instants."""

    def make(role, *instants, failure=None, **observed):
        folder = tmp_path / role
        folder.mkdir()
        with (folder / "resources.csv").open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(COLUMNS)
            rows.writerows([1, at, role, 7, 1, 1, 1] for at in instants)
        return Fetched(folder, Done(failure, observed, f"{role} began", f"{role} ended"))

    return make


def readings(fetched):
    with (fetched.folder / "resources.csv").open(newline="") as file:
        return [(row["role"], int(row["at_ns"])) for row in csv.DictReader(file)]


def test_readings_are_told_by_the_clock_of_the_load(fetch):
    clocks = {"app": {"offset_ns": 1000, "round_trip_ns": 10}}
    load = fetch("load", 5, 6, clocks=clocks, sampler=sampler())
    whole = apart.merge(load, {"app": fetch("app", 1005, 1006, sampler=sampler())})
    assert readings(whole) == [("load", 5), ("load", 6), ("app", 5), ("app", 6)]
    assert whole.done.observed["sampler"]["readings"] == 4
    assert whole.done.started == "load began"


def test_the_part_that_failed_says_why_before_the_one_that_noticed(fetch):
    died, lost = {"code": "service-died"}, {"code": "observer-lost"}
    load = fetch("load", failure=lost)
    assert apart.merge(load, {"app": fetch("app", failure=died)}).done.failure == died
    assert apart.merge(load, {"db": fetch("db")}).done.failure == lost


def test_a_part_that_never_was_ready_ends_the_trial_before_it_began(fetch):
    failed = {"code": "service-start"}
    whole = apart.merge(None, {"app": fetch("app", failure=failed)})
    assert whole.done.failure == failed
    assert whole.done.started == "app began"


def test_hosts_that_count_in_different_units_make_a_failed_trial(fetch):
    part = fetch("app", sampler=sampler(page_bytes=16384))
    whole = apart.merge(fetch("load", sampler=sampler()), {"app": part})
    assert whole.done.failure["code"] == "hosts-unlike"
    assert "16384" in whole.done.failure["what"]
