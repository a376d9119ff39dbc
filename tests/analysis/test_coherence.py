"""What honest samples of a closed loop may look like at the edge of the window."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from analysis import generators
from bundle.documents.readings import TrialReadings, Window
from bundle.read import Trial
from tests import generators as made
from tests.bundle import making
from tests.gates.recorded import DATA

RECORDED = DATA / "trials/asyncpg-read-one-wrk"

CONNECTIONS, PERIOD_NS, WINDOW_NS = 2, 10_000_000, 1_000_000_000


def write_trial(folder, *, stall_ns, in_window=None):
    """A closed loop that is always busy; the last answer on each connection is late."""
    sent = [at for at in range(0, WINDOW_NS, PERIOD_NS) for _ in range(CONNECTIONS)]
    end = [at + PERIOD_NS for at in sent]
    end[-CONNECTIONS:] = [at + stall_ns for at in end[-CONNECTIONS:]]
    inside = sum(at < WINDOW_NS for at in end)
    requests = in_window or inside
    columns = {"intended_ns": sent, "sent_ns": sent, "end_ns": end}
    table = pa.table(
        {
            **{name: pa.array(values, pa.int64()) for name, values in columns.items()},
            "operation": pa.array([0] * len(sent), pa.uint16()),
            "status": pa.array([200] * len(sent), pa.uint16()),
        }
    )
    pq.write_table(table, folder / "samples.parquet", write_page_checksum=True)
    told = made.client(
        seconds=WINDOW_NS / 1e9,
        connections=CONNECTIONS,
        requests=requests,
        answers={"read-user": {"200": len(sent)}},
    )
    made.write(folder, told)


def codes(folder):
    return [each.code for each in generators.contradictions(Trial(folder, making.trial_record(0)))]


@pytest.mark.parametrize("stall_ns", [0, 400_000_000])
def test_answers_that_come_late_after_the_window_are_no_contradiction(tmp_path, stall_ns):
    write_trial(tmp_path, stall_ns=stall_ns)
    assert codes(tmp_path) == []


def test_more_waiting_than_the_connections_could_do_is_one(tmp_path):
    write_trial(tmp_path, stall_ns=0, in_window=220)
    assert codes(tmp_path) == ["samples-mismatch", "littles-law"]


@pytest.mark.parametrize(("ran_s", "expected"), [(1.1, ["littles-law"]), (1.5, [])])
def test_wrk_may_have_waited_before_its_own_clock_started(tmp_path, ran_s, expected):
    # As if a third of what waited had done so before the last thread ran.
    for name in ("wrk.json", "wrk.stdout.txt"):
        shutil.copy(RECORDED / name, tmp_path)
    dump = json.loads((tmp_path / "wrk.json").read_bytes())
    dump["connections_opened"] = 3
    (tmp_path / "wrk.json").write_text(json.dumps(dump))
    window = Window(started="", started_ns=0, ended_ns=round(ran_s * 1e9))
    record = structs.replace(making.trial_record(0), readings=TrialReadings(window=window))
    assert [each.code for each in generators.contradictions(Trial(tmp_path, record))] == expected
