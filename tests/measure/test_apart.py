"""One trial out of three hosts' parts: what is added up, what is renamed, what stays unknown."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from agent import orders
from agent.answers import Done, PartReadings, SideReadings
from bundle.documents.failure import Failure
from bundle.documents.readings import (
    Affinity,
    Clock,
    CpuClock,
    DatabaseServer,
    Heat,
    Host,
    Kernel,
    KernelCounts,
    KernelLog,
    Pace,
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
        "cost_s": 0.01,
    }
    return Kernel(**told | changes)


def sampler(**changes):
    told = {"cpu_s": 0.1, "readings": 2, "tick_hz": 100, "page_bytes": 4096}
    said: dict[str, dict] = {"stopped": {}, "unread": {}, "found_by": {}}
    return Sampler(**told | said | changes)


def part(told=None, **observed):
    """What another host observed of the only subject."""
    return PartReadings(trials={"": TrialReadings(**observed)}, kernel=told)


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
    app = part(kernel(), affinity=both)
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
    parts = {"app": part(sampler=app)}
    whole = apart.observation(TrialReadings(sampler=load), parts).sampler
    assert whole.stopped == {"load": 0, "service": 3}
    assert whole.unread == {"service": "a reason"}
    assert whole.found_by == {"load": "children"}


def test_a_log_that_one_kernel_keeps_to_itself_is_not_known():
    whole = apart.kernel({"app": kernel(kernel_log=None), "load": kernel()}, PLANNED)
    assert whole.kernel_log is None


def pace(cpu, millidegrees):
    clock = CpuClock(planned_khz=3_000_000, looks=1, mean_khz=3_000_000, lowest_khz=3_000_000)
    heat = Heat(sensor="x", highest_mc=millidegrees, limit_mc=95_000, limit_from="")
    return Pace(clocks={cpu: clock}, clocks_unread=None, heat=heat, heat_unread=None)


def test_clocks_are_named_by_role_and_the_hottest_host_counts():
    kernels = {"app": kernel(pace=pace("2", 60_000)), "load": kernel(pace=pace("1", 80_000))}
    whole = apart.kernel(kernels, PLANNED).pace
    assert set(whole.clocks) == {"app/2", "load/1"}
    assert whole.heat.highest_mc == 80_000


def test_clocks_and_heat_that_one_host_does_not_tell_are_not_known():
    whole = apart.kernel({"app": kernel(pace=pace("2", 60_000)), "load": kernel()}, PLANNED).pace
    assert (whole.clocks, whole.heat) == (None, None)
    assert whole.clocks_unread == whole.heat_unread == "load: nobody looked"


def test_how_an_endpoint_ended_that_another_host_held_is_part_of_the_floor():
    port, stop = (
        Port(number=1, shared=False, reason=None),
        Stop(in_time=True, exit_status=0, seconds=0.1),
    )
    floor = Observed(exit_status=0, seconds=1.0)
    whole = apart.floor(floor, {"app": part(port=port, stop=stop)})
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
        kind = TrialReadings if role == "load" else part
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
    return apart.merge(load, parts, TrialReadings, apart.observation)


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
    whole = merge(None, app=fetch("app", failure="service-start"))
    assert whole.done.failure.code == "service-start"
    assert whole.done.observed == TrialReadings()
    assert whole.done.started == "app began"


def test_hosts_that_count_in_different_units_make_a_failed_trial(fetch):
    part = fetch("app", sampler=sampler(page_bytes=16384))
    whole = merge(fetch("load", sampler=sampler()), app=part)
    assert whole.done.failure.code == "hosts-unlike"
    assert "16384" in whole.done.failure.what


@pytest.fixture
def fetch_together(tmp_path):
    """What an order of a host left of several subjects: a sample of each, and a service's log."""

    def make(role, names, failure=None, failed=None, **observed):
        for name in names:
            folder = tmp_path / role / orders.folder_of(name)
            folder.mkdir(parents=True)
            (folder / "resources.csv").write_text(f"{','.join(COLUMNS)}\n1,1005,{role},7,1,1,1\n")
            if role == "app":
                (folder / "service.log").write_text(name)
        kind = SideReadings if role == "load" else PartReadings
        trials = {name: TrialReadings(**observed) for name in names}
        done = Done(
            started="",
            ended="",
            failure=failure and Failure(code=failure, what="", where="", hint=""),
            ended_by_force=[],
            observed=kind(trials=trials, failed=failed),
        )
        return Fetched(tmp_path / role, done)

    return make


def merge_together(load, **parts):
    return apart.merge(load, parts, SideReadings, apart.together)


def test_each_subject_has_what_is_its_own_and_what_all_share(fetch_together):
    clocks = {"app": Clock(offset_ns=1000, round_trip_ns=10)}
    clocks["db"] = Clock(offset_ns=5, round_trip_ns=10)
    load = fetch_together("load", ["a", "b"], clocks=clocks, sampler=sampler())
    app = fetch_together("app", ["a", "b"], sampler=sampler(stopped={"service": 1}))
    db = fetch_together("db", [""], sampler=sampler(stopped={"database": 2}))
    whole = merge_together(load, app=app, db=db)
    for name in "ab":
        own = replace(whole, folder=whole.folder / "subjects" / name)
        assert readings(own) == [("load", 1005), ("app", 5), ("db", 1000)]
        assert (own.folder / "service.log").read_text() == name
        stopped = whole.done.observed.trials[name].sampler.stopped
        assert stopped == {"service": 1, "database": 2}


def test_the_host_whose_failure_counts_says_which_subject_is_to_blame(fetch_together):
    names = ["a", "b"]
    load = fetch_together("load", names, failure="server-gone", failed="a")
    died = fetch_together("app", names, failure="service-died", failed="b")
    whole = merge_together(load, app=died).done
    assert (whole.failure.code, whole.observed.failed) == ("service-died", "b")
    ended = fetch_together("db", [""], failure="database-died")
    whole = merge_together(load, db=ended).done
    assert (whole.failure.code, whole.observed.failed) == ("database-died", None)


def test_services_of_which_one_did_not_start_leave_what_they_logged(fetch_together):
    app = fetch_together("app", ["a", "b"], failure="service-start", failed="b")
    whole = merge_together(None, app=app)
    assert (whole.done.failure.code, whole.done.observed.failed) == ("service-start", "b")
    assert (whole.folder / "subjects/a/service.log").read_text() == "a"
