"""Gates on a trial of load that switches between services, which has slices instead of a window."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.gates import Verdict
from analysis.gates.summary import assess
from bundle.generators.slices import HostSlice
from tests.gates.recorded import OPEN, switched
from tests.gates.test_gates import finding


@pytest.mark.parametrize(
    ("code", "reading"), [("restless", "rest_ns"), ("foreign-load", "foreign_ns")]
)
def test_what_was_not_read_is_unknown_and_not_0(recorded, code, reading):
    for profile, verdict in (("vm", Verdict.UNKNOWN), ("bare-metal", Verdict.FAILED)):
        trial = recorded(OPEN, profile=profile)
        switched(**{reading: None})(trial)
        found = finding(trial, code)
        assert (found.reading.value, found.verdict) == (None, verdict)
        assert reading in found.sentence
        trial.folder.rename(trial.folder.with_name(profile))


def test_other_loads_have_neither_rests_nor_a_reading_of_foreign_load(recorded):
    trial = recorded(OPEN)
    assert finding(trial, "restless") is None
    assert finding(trial, "foreign-load") is None


def test_cpu_time_that_a_slice_lacks_is_a_doubt_with_its_reason(recorded):
    trial = recorded(OPEN)
    trial.observed["sampler"] |= {"stopped": {}, "unread": {}}
    switched(database_ns=None)(trial)
    found = finding(trial, "processes-unread")
    assert (found.reading.value, found.verdict) == (1, Verdict.WARNING)
    assert "database: a slice lacks database_ns" in found.sentence


def on_hosts(late_ns=0, **foreign_ns):
    """Slices of 100 ms of which several hosts tell what they did."""
    hosts = {
        role: HostSlice(steal_ns=0, foreign_ns=used, late_ns=None if role == "load" else late_ns)
        for role, used in foreign_ns.items()
    }
    return switched(foreign_ns=sum(foreign_ns.values()), hosts=hosts)


def test_foreign_load_of_several_hosts_is_that_of_the_host_with_most(recorded):
    trial = recorded(OPEN)
    on_hosts(app=15_000_000, db=1_000_000, load=14_000_000)(trial)
    found = finding(trial, "foreign-load")
    # A slice lasts until the answer after its 100 ms.
    assert found.reading.value == pytest.approx(15, rel=0.05)
    assert found.verdict is Verdict.PASSED
    assert found.reading.what == "on the host app"


def test_rounding_errors_below_0_are_no_foreign_load(recorded):
    trial = recorded(OPEN)
    on_hosts(app=-3_000_000, db=-1_000_000, load=-2_000_000)(trial)
    found = finding(trial, "foreign-load")
    assert (found.reading.value, found.verdict) == (0, Verdict.PASSED)


@pytest.mark.parametrize(
    ("hosts", "roles"),
    [(("app", "db", "load"), ["database", "service"]), (("db", "load"), ["database"])],
)
def test_cpu_time_that_was_read_too_late_is_no_figure(recorded, hosts, roles):
    trial = recorded(OPEN)
    trial.observed["sampler"] |= {"stopped": {}, "unread": {}}
    on_hosts(late_ns=10_000_000, **dict.fromkeys(hosts, 0))(trial)
    found = finding(trial, "processes-unread")
    assert (found.reading.value, found.verdict) == (len(roles), Verdict.WARNING)
    assert "are late by 9" in found.sentence or "are late by 10" in found.sentence
    cpu_s = trial.evidence().output.figures.cpu_s
    assert sorted(role for role, used in cpu_s.items() if used is None) == roles


def test_a_database_beside_the_load_is_not_read_late_by_the_host_of_the_services(recorded):
    trial = recorded(OPEN)
    on_hosts(late_ns=10_000_000, app=0, load=0)(trial)
    path = trial.folder / "switchback.json"
    report = json.loads(path.read_bytes())
    path.write_text(json.dumps(report | {"read_on": {"service": "app", "database": "load"}}))
    cpu_s = trial.evidence().output.figures.cpu_s
    assert [role for role, used in cpu_s.items() if used is None] == ["service"]


def test_a_service_that_stands_still_within_a_slice_fails_the_trial(recorded):
    trial = recorded(OPEN)
    trial.observed["sampler"] |= {"stopped": {}, "unread": {}}
    switched()(trial)
    assert finding(trial, "stall").verdict is Verdict.PASSED
    path = trial.folder / "samples.parquet"
    columns = pq.read_table(path).to_pydict()
    last = max(range(len(columns["round"])), key=lambda at: columns["end_ns"][at])
    columns["end_ns"][last] += 1_500_000_000
    pq.write_table(pa.table(columns), path, write_page_checksum=True)
    found = finding(trial, "stall")
    assert found.verdict is Verdict.FAILED
    assert "by the client's samples" in found.sentence


def test_every_gate_of_a_trial_can_judge_one_with_slices(recorded):
    trial = recorded(OPEN)
    switched()(trial)
    codes = {one.gate.code for one in assess("1", trial.evidence()).findings}
    assert {"restless", "foreign-load", "generator-cpu", "littles-law", "unrecorded"} <= codes
    # A slice is a fraction of a second, in which the machine may be faster or slower: a course over
    # time would show the machine's.
    assert not {"drift", "levels"} & codes
