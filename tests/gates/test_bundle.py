"""The gates over a whole bundle's trials, recomputed from files alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import pytest

from analysis import catalog, gates
from bundle.codec import encode
from bundle.read import read_trials
from tests.gates.recorded import DATA, OPEN, OTHER, pace

PAIR = ("asyncpg", "tortoise")
READS = ("read-one", "open")


@dataclass
class Unsealed:
    """A bundle as `gates.read` and `catalog.rows` use it."""

    path: object
    seal = "1" * 64
    record = SimpleNamespace(
        id="run",
        created=None,
        status="complete",
        host=None,
        plan=SimpleNamespace(name="p", sha256="2" * 64),
    )

    @property
    def trials(self):
        return read_trials(self.path)


@pytest.fixture
def bundle(tmp_path):
    shutil.copytree(DATA, tmp_path / "bundle")
    return Unsealed(tmp_path / "bundle")


def edit(bundle, trial, change):
    file = bundle.path / "trials" / trial / "trial.json"
    record = json.loads(file.read_bytes())
    change(record)
    file.write_bytes(encode(record))


def test_slow_clocks_and_heat_weaken_the_result_with_their_worst_trial(bundle):
    assert gates.read(bundle).slowed == []
    for trial, told in {OPEN: pace(4_490_000, 92.5), OTHER: pace(4_275_000, 60)}.items():
        edit(bundle, trial, partial(tell, pace=told))
    assert gates.read(bundle).slowed == [
        "CPUs ran at 95 % of their clock without boost in the worst of 1 of 2 trials",
        "the processor came within 2.5 degrees C of its limit in the worst of 1 of 2 trials",
    ]


def tell(record, *, pace):
    record["readings"]["host"]["kernel"]["pace"] = pace


def test_every_trial_of_the_recorded_run_may_be_used(bundle):
    found = gates.read(bundle)
    assert found.failures == []
    assert set(found.cells[READS].usable) == {"asyncpg", "tortoise"}
    assert found.cells[READS].doubts("asyncpg") == ["dispatch"]  # one core for client and database
    assert gates.fatal(found.run) == []
    codes = {each.gate.code for each in found.cells[READS].pair(*PAIR)}
    assert codes == {"dispatch-difference", "bodies-differ"}
    assert found.cells["write", "open"].pair(*PAIR) == []


def test_a_trial_that_no_longer_passes_is_left_out_and_counts_as_failed(bundle):
    def checkpoint(record):
        record["readings"]["host"]["database"]["log"]["checkpoints"] = 1

    edit(bundle, "asyncpg-read-one-open", checkpoint)
    found = gates.read(bundle)
    (failure,) = found.failures
    assert failure.code == "checkpoint"
    assert set(found.cells[READS].usable) == {"tortoise"}
    assert len(found.cells[READS].trials) == 2
    assert gates.fatal(found.run) != []  # one trial of four


def test_the_catalog_says_of_a_trial_what_the_gates_say(bundle):
    def told(trial):
        rows = [row for row in catalog.rows(bundle) if row["trial"] == trial]
        (row,) = (row for row in rows if row["metric"] == "throughput")
        return row

    row = told("006-asyncpg-read-one-open-b01")
    assert (row["doubts"], row["failure"]) == ("dispatch", None)
    assert row["value"] > 0
    edit(
        bundle,
        "asyncpg-read-one-open",
        lambda r: r["readings"]["host"]["database"]["log"].update(checkpoints=1),
    )
    row = told("006-asyncpg-read-one-open-b01")
    assert (row["status"], row["failure"], row["value"]) == ("completed", "checkpoint", None)
    # Without what gates need, only what the generator's own files say is left.
    (bundle.path / "inputs/locks/stacks.toml").unlink()
    row = told("006-asyncpg-read-one-open-b01")
    assert (row["doubts"], row["failure"]) == ("", None)


def test_a_trial_that_its_record_calls_failed_stays_so(bundle):
    failure = {"code": "checkpoint", "what": "one checkpoint", "where": "", "hint": ""}
    edit(bundle, "asyncpg-write-open", lambda r: r.update(status="failed", failure=failure))
    found = gates.read(bundle)
    assert [each.what for each in found.failures] == ["one checkpoint"]
    assert ("write", "open") not in found.cells


def test_a_trial_that_was_never_carried_out_is_not_read(bundle):
    failure = {"code": "service-died", "what": "it ended", "where": "", "hint": ""}
    edit(bundle, "asyncpg-write-open", lambda r: r.update(status="failed", failure=failure))
    (bundle.path / "trials/asyncpg-write-open/client.json").unlink()
    assert [each.code for each in gates.read(bundle).failures] == ["service-died"]
