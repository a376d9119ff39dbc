"""One trial out of three hosts' parts: what is added up, what is renamed, what stays unknown."""

from __future__ import annotations

import csv

import pytest

from agent.answers import Done, PartReadings
from bundle.documents.failure import Failure
from bundle.documents.readings import (
    Affinity,
    Clock,
    DatabaseServer,
    Frequencies,
    Host,
    Kernel,
    KernelCounts,
    KernelLog,
    Port,
    Sampler,
    Stop,
    TrialReadings,
)
from bundle.documents.services import Observed
from ormlab.run.measure import apart
from ormlab.run.measure.station import Fetched

PLANNED = {"app": [2, 3], "db": [2], "load": [1]}
COLUMNS = ["round", "at_ns", "role", "pid", "user_ticks", "system_ticks", "rss_pages"]
COUNTED = KernelCounts(swapped_in=1, steal_ticks={"1": 1, "2": 2, "3": 3})
SERVER = DatabaseServer(log=None, checkpoints=0, connections=None)


def kernel(**changes):
    told = {
        "seconds": 5.0,
        "clock_stepped_s": 0.001,
        "suspended_s": 0.0,
        "counted": COUNTED,
        "kernel_log": KernelLog(messages=2, errors=1),
        "frequency_khz": Frequencies(before=None, after=None),
        "cost_s": 0.01,
    }
    return Kernel(**told | changes)


def sampler(**changes):
    told = {"cpu_s": 0.1, "readings": 2, "tick_hz": 100, "page_bytes": 4096}
    said: dict[str, dict] = {"stopped": {}, "unread": {}, "found_by": {}}
    return Sampler(**told | said | changes)


def driven(**observed):
    return TrialReadings(host=Host(kernel=kernel(), database=SERVER), **observed)


def test_counts_add_up_and_cpus_are_those_of_the_trial():
    kernels = {"app": kernel(), "db": kernel(clock_stepped_s=-0.5), "load": kernel(seconds=6.0)}
    whole = apart.kernel(kernels, PLANNED)
    steal = {"app/2": 2, "app/3": 3, "db/2": 2, "load/1": 1}
    assert whole.counted == KernelCounts(swapped_in=3, steal_ticks=steal)
    assert whole.seconds == 6.0
    assert whole.clock_stepped_s == -0.5
    assert whole.kernel_log == KernelLog(messages=6, errors=3)


def test_a_host_with_two_purposes_keeps_the_cpus_of_both():
    both = Affinity(planned={"service": [3], "database": [2]}, observed={})
    load = Affinity(planned={"load": [1]}, observed={})
    app = PartReadings(kernel=kernel(), affinity=both)
    whole = apart.observation(driven(affinity=load), {"app": app})
    assert whole.host.kernel.counted.steal_ticks == {"app/2": 2, "app/3": 3, "load/1": 1}
    assert whole.affinity.planned == both.planned | load.planned


def test_a_count_that_one_kernel_does_not_tell_is_not_known():
    whole = apart.kernel({"app": kernel(), "load": kernel(counted=KernelCounts())}, PLANNED)
    assert whole.counted == KernelCounts()


@pytest.mark.parametrize("key", ["clock_stepped_s", "suspended_s"])
def test_a_clock_that_one_host_does_not_tell_is_not_known(key):
    whole = apart.kernel({"app": kernel(), "load": kernel(**{key: None})}, PLANNED)
    assert getattr(whole, key) is None


def test_a_host_whose_kernel_nobody_asked_leaves_nothing_known():
    whole = apart.observation(driven(), {"app": PartReadings()}).host.kernel
    assert (whole.seconds, whole.clock_stepped_s, whole.suspended_s) == (None, None, None)
    assert whole.counted == KernelCounts()


def test_what_each_sampler_says_of_its_roles_is_kept():
    load = sampler(stopped={"load": 0}, found_by={"load": "children"})
    app = sampler(stopped={"service": 3}, unread={"service": "a reason"})
    parts = {"app": PartReadings(sampler=app)}
    whole = apart.observation(TrialReadings(sampler=load), parts).sampler
    assert whole.stopped == {"load": 0, "service": 3}
    assert whole.unread == {"service": "a reason"}
    assert whole.found_by == {"load": "children"}


def test_a_log_that_one_kernel_keeps_to_itself_is_not_known():
    whole = apart.kernel({"app": kernel(kernel_log=None), "load": kernel()}, PLANNED)
    assert whole.kernel_log is None


def test_how_an_endpoint_ended_that_another_host_held_is_part_of_the_floor():
    port, stop = (
        Port(number=1, shared=False, reason=None),
        Stop(in_time=True, exit_status=0, seconds=0.1),
    )
    floor = Observed(exit_status=0, seconds=1.0)
    whole = apart.floor(floor, {"app": PartReadings(port=port, stop=stop)})
    assert whole == Observed(exit_status=0, seconds=1.0, port=port, stop=stop)


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
        kind = TrialReadings if role == "load" else PartReadings
        done = Done(
            started=f"{role} began",
            ended=f"{role} ended",
            failure=failure and Failure(code=failure, what="", where="", hint=""),
            ended_by_force=[],
            observed=kind(**observed),
        )
        return Fetched(folder, done)

    return make


def merge(load, **parts):
    return apart.merge(load, parts, apart.observation)


def readings(fetched):
    with (fetched.folder / "resources.csv").open(newline="") as file:
        return [(row["role"], int(row["at_ns"])) for row in csv.DictReader(file)]


def test_readings_of_a_host_whose_clock_was_not_compared_are_left_out(fetch):
    whole = merge(fetch("load", 5), app=fetch("app", 1005))
    assert readings(whole) == [("load", 5)]


def test_readings_are_told_by_the_clock_of_the_load(fetch):
    clocks = {"app": Clock(offset_ns=1000, round_trip_ns=10)}
    load = fetch("load", 5, 6, clocks=clocks, sampler=sampler())
    whole = merge(load, app=fetch("app", 1005, 1006, sampler=sampler()))
    assert readings(whole) == [("load", 5), ("load", 6), ("app", 5), ("app", 6)]
    assert whole.done.observed.sampler.readings == 4
    assert whole.done.started == "load began"


def test_the_part_that_failed_says_why_before_the_one_that_noticed(fetch):
    load = fetch("load", failure="observer-lost")
    whole = merge(load, app=fetch("app", failure="service-died"))
    assert whole.done.failure.code == "service-died"
    assert merge(load, db=fetch("db")).done.failure.code == "observer-lost"


def test_a_part_that_never_was_ready_ends_the_trial_before_it_began(fetch):
    whole = apart.not_begun({"app": fetch("app", failure="service-start")}, TrialReadings)
    assert whole.done.failure.code == "service-start"
    assert whole.done.observed == TrialReadings()
    assert whole.done.started == "app began"


def test_hosts_that_count_in_different_units_make_a_failed_trial(fetch):
    part = fetch("app", sampler=sampler(page_bytes=16384))
    whole = merge(fetch("load", sampler=sampler()), app=part)
    assert whole.done.failure.code == "hosts-unlike"
    assert "16384" in whole.done.failure.what
