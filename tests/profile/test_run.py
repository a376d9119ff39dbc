"""A real service under real profilers: what they find, what is kept of it, and what is left."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from analysis import report
from analysis.profilers import Looked
from bundle import typed
from bundle.documents.profilers import PICTURES, STACKS, Profilers
from bundle.read import read_trials
from ormlab.judging import report as reports
from ormlab.verify import verify
from tests import browser as browsers
from tests.resume.conftest import await_line, lab
from tests.run.shared import processes_below

__all__ = ["lab"]


def looked(profiled, profiler):
    """What a profiler found; the test is skipped with the reason why it could not look."""
    document = typed.read(profiled.bundle, Profilers, subject="asyncpg")
    if reason := document.reasons.get(profiler):
        assert getattr(document, profiler) is None
        pytest.skip(reason)
    return getattr(document, profiler)


def page_of(profiled, profiler):
    (found,) = Looked.of_bundle(profiled.bundle)
    (path,) = found.files([PICTURES[profiler]])
    return (profiled.bundle / path).read_text()


def test_its_bundle_verifies_and_has_one_trial_without_profilers(profiled):
    outcome = verify(profiled.bundle)
    assert outcome.ok
    assert outcome.doubts == ()
    (trial,) = read_trials(profiled.bundle)
    assert trial.record.status == "completed"
    assert (profiled.bundle / "inputs/locks/profilers.txt").is_file()


def test_it_leaves_no_process(profiled):
    assert profiled.left == []


def test_no_environment_of_a_stack_has_the_profilers(profiled, lab_root):
    looked(profiled, "cpu")
    having = {path.relative_to(lab_root / "envs").parts[0] for path in lab_root.rglob("memray")}
    assert having
    assert all(name.startswith("profilers-") for name in having)


def test_cpu_time_belongs_to_functions_of_the_service(profiled):
    found = looked(profiled, "cpu")
    assert found.program.startswith("py-spy ")
    assert found.requests > 0
    functions = profiled.told["functions"]["cpu"]["functions"]
    assert 0 < sum(each["own"] for each in functions) <= 1.0001
    assert all(each["own"] <= each["whole"] <= 1.0001 for each in functions)
    (whole,) = Looked.of_bundle(profiled.bundle)
    data = (profiled.bundle / whole.files([STACKS["cpu"]])[0]).read_text()
    assert "workloads/services" in data


def test_memory_at_its_peak_is_traced_from_the_first_import(profiled):
    found = looked(profiled, "heap")
    assert found.program.startswith("memray ")
    assert found.requests > 0
    heap = profiled.told["functions"]["heap"]
    assert heap["weight"] > 2**20
    assert heap["functions"][0]["own"] > 0


@pytest.mark.parametrize("profiler", PICTURES)
def test_a_flame_graph_asks_nothing_of_the_network(profiled, profiler):
    looked(profiled, profiler)
    page = page_of(profiled, profiler)
    loads = r"<(?:script|img|iframe)[^>]*\bsrc=|<link[^>]*\bhref=|\bxlink:href=\"http|@import"
    assert not re.search(loads, page)


@browsers.in_browser
@pytest.mark.parametrize("profiler", PICTURES)
def test_a_browser_shows_a_flame_graph_without_a_network(profiled, profiler):
    looked(profiled, profiler)
    (found,) = Looked.of_bundle(profiled.bundle)
    address = (profiled.bundle / found.files([PICTURES[profiler]])[0]).as_uri()
    with browsers.launched() as running, browsers.opened(running, address) as page:
        page.wait_for_selector("text=main", state="attached")  # a call of the service
        assert page.said == []
        assert page.asked == [address]


def test_no_file_tells_where_the_lab_lies(profiled, lab_root):
    folder = profiled.bundle / "services/asyncpg/profilers"
    for path in folder.iterdir():
        assert str(lab_root).encode() not in path.read_bytes()


def test_a_request_costs_the_kernel_the_calls_that_it_must(profiled):
    found = looked(profiled, "syscalls")
    # It reads the request and the database's answer, and writes a query and an answer.
    assert found.calls["sendto"] + found.calls.get("write", 0) >= 2
    assert found.calls["recvfrom"] + found.calls.get("read", 0) >= 2
    assert found.mean == pytest.approx(sum(found.calls.values()))
    assert len(found.windows) == 3


def test_the_report_has_the_functions_and_leads_to_the_files(profiled):
    made = reports.make(profiled.bundle)
    assert "profilers" in [part.name for part in made.parts]
    page = report.html(made)
    for name in profiled.told["functions"]:
        link = f"../bundles/{profiled.bundle.name}/services/asyncpg/profilers/{PICTURES[name]}"
        assert f'<a href="{link}">' in page
        assert link in report.markdown(made)
    assert made.data["profilers"]["asyncpg"] == profiled.told["profilers"]


@pytest.mark.skipif(not os.environ.get("ORMLAB_TEST_CALLGRIND"), reason="it takes minutes")
@pytest.mark.skipif(not shutil.which("callgrind_control"), reason="valgrind is not installed")
def test_the_instructions_of_a_request_repeat_themselves(lab, lab_root):
    process = lab.start(
        "profile", "asyncpg", "--instructions", "--for", "1s", "--bundles", lab.bundles
    )
    out, err = process.communicate()
    assert process.returncode == 0, err
    told = json.loads(out)
    assert told["profilers"]["reasons"] == {}
    windows = told["profilers"]["instructions"]["windows"]
    assert len(windows) == 3
    assert min(windows) > 100_000
    assert max(windows) < 1.03 * min(windows)
    outcome = verify(Path(told["folder"]))
    assert outcome.ok
    assert outcome.doubts == ()
    assert processes_below(lab_root) == []


def test_an_interrupted_profile_leaves_nothing(lab, lab_root):
    process = lab.start("profile", "asyncpg", "--cpu", "--for", "10m", "--bundles", lab.bundles)
    await_line(process, "- profiler cpu: asyncpg")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert processes_below(lab_root) == []
    assert not lab.bundles.exists() or not [*lab.bundles.glob("2*")]


def test_only_what_was_asked_for_is_told(profiled):
    assert profiled.told["profilers"]["instructions"] is None
    assert "instructions" not in profiled.told["profilers"]["reasons"]
