"""What is read from the files of profilers, and what a plan may ask for."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from agent.failure import Failure
from agent.profilers import instructions, syscalls
from agent.profilers.base import version
from analysis.profilers import INSTRUCTIONS_ONLY, Looked, weighed
from analysis.tables import profilers as tables
from bundle.callstacks import CallFile, CallSite, Sites, Stacks
from ormlab import plan as plans
from ormlab.cli.profile import profile_text
from ormlab.compare import spec
from ormlab.profile import Request, decided
from ormlab.run.measure.redaction import Redactor
from tests.profile.looked import INSTRUCTIONS, LOOKED, document

TABLE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.35    0.001000           5       200           sendto
 38.65    0.000630           1       400        20 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.001630           2       600        20 total
"""


def speedscope(*profiles):
    frames = [{"name": name, "file": "a.py", "line": line} for line, name in enumerate("abca")]
    return json.dumps(
        {
            "$schema": "x",
            "shared": {"frames": frames},
            "profiles": [
                {
                    "type": "sampled",
                    "name": "thread",
                    "unit": "seconds",
                    "startValue": 0,
                    "endValue": sum(weights),
                    "samples": samples,
                    "weights": weights,
                }
                for samples, weights in profiles
            ],
        }
    ).encode()


def shares(found):
    return {each.name: (each.own, each.whole) for each in found.functions}


def test_a_function_has_its_own_share_and_that_of_its_calls():
    found = weighed(speedscope(([[0, 1], [0, 2], [0]], [6, 3, 1])))
    assert found.weight == 10
    assert shares(found) == {"b": (0.6, 0.6), "c": (0.3, 0.3), "a": (0.1, 1.0)}


def test_a_recursive_call_counts_once_and_lines_are_put_together():
    found = weighed(speedscope(([[0, 1, 3]], [4])))
    assert shares(found) == {"a": (1.0, 1.0)}


def test_all_threads_count():
    data = speedscope(([[0]], [1]), ([[1]], [3]))
    assert shares(weighed(data)) == {"b": (0.75, 0.75), "a": (0.25, 0.25)}


def test_a_file_is_named_without_the_folders_of_its_host():
    data = speedscope(([[0]], [1])).replace(
        b"a.py", b"/x/envs/e/lib/python3.13/site-packages/o/a.py"
    )
    (function,) = weighed(data).functions
    assert function.file == "o/a.py"


def test_what_an_import_does_becomes_one_call():
    importing = {"name": "_load", "file": "<frozen importlib._bootstrap>", "line": 3}
    sites = [CallSite("serve", "s.py", 1), CallSite("serve", "s.py", 2), CallSite(**importing)]
    stacks = Stacks(
        name="Memory",
        unit="bytes",
        endValue=10,
        samples=[[0], [1], [0, 2, 1], [1, 2]],
        weights=[1, 2, 3, 4],
    )
    counted = Stacks(name="Allocations", unit="none", endValue=1, samples=[[0]], weights=[1])
    short = CallFile(shared=Sites(sites), profiles=[stacks, counted]).without_imports()
    (kept,) = short.profiles
    assert short.shared.frames == [CallSite("serve", "s.py"), CallSite("import")]
    assert dict(zip(map(tuple, kept.samples), kept.weights, strict=True)) == {(0,): 3, (0, 1): 7}
    assert shares(weighed(msgspec.json.encode(short))) == {"import": (0.7, 0.7), "serve": (0.3, 1)}


def test_stacks_of_nothing_have_no_functions():
    assert weighed(speedscope(([[]], [4]))).functions == ()


@pytest.mark.parametrize("data", [b"", b"{}", b'{"shared": {"frames": 1}, "profiles": []}'])
def test_what_is_no_file_of_stacks_is_refused(data):
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        weighed(data)


def test_the_calls_of_strace_are_counted_without_their_sum(tmp_path):
    (tmp_path / "table").write_text(TABLE)
    assert syscalls._calls(tmp_path / "table") == {"sendto": 200, "recvfrom": 400}


def test_a_dump_of_callgrind_has_a_total(tmp_path):
    (tmp_path / "dump").write_text("events: Ir\nfn=(1) f\n1 5\n\ntotals: 1234\n")
    assert instructions._total(tmp_path / "dump") == 1234
    (tmp_path / "dump").write_text("events: Ir\n")
    with pytest.raises(Failure, match="left no total"):
        instructions._total(tmp_path / "dump")


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(Failure, match="strace is not installed") as raised:
        version("strace", ["/nowhere/strace"])
    assert raised.value.code == "profiler-missing"


def test_instructions_have_a_spread_and_a_caution():
    assert (INSTRUCTIONS.mean, INSTRUCTIONS.spread) == (100.0, 0.02)
    (row,) = tables.counts(Looked("asyncpg", document(instructions=INSTRUCTIONS), {})).rows
    assert [cell.text for cell in row.whole] == ["instructions", "100", "2.0", "valgrind 3"]
    assert INSTRUCTIONS_ONLY in profile_text(LOOKED, Path("b"))


def test_what_could_not_be_read_is_said_with_its_reason():
    lacking = document(reasons={"syscalls": "strace is not installed"})
    said = list(tables.sentences(Looked("asyncpg", lacking, {})))
    assert said == ["no syscalls: strace is not installed"]


def test_the_plan_asks_for_the_profilers_and_keeps_them_out_of_the_trial():
    request = Request(spec.parse("sqlalchemy"), ("cpu", "heap"), seed=1, duration_s=3.0)
    with decided(request) as resolved:
        assert resolved.plan.profilers == ["cpu", "heap"]
        assert len(resolved.trials) == 1
        assert b"profilers:" in resolved.document


def test_a_plan_that_asks_for_none_has_no_such_key():
    assert b"profilers" not in plans.resolve(plans.load("demo")).document


def test_of_a_page_only_paths_and_secrets_are_masked():
    redactor = Redactor().knowing(
        {"lab folder": ["/srv/lab"], "name": ["frames"], "secret": ["hunter2-hunter2"]}
    )
    page = b"const frames = ['/srv/lab/envs/x.py', 'hunter2-hunter2']"
    cleaned = redactor.clean("services/a/profilers/heap.html", page)
    assert cleaned == b"const frames = ['[redacted lab folder]/envs/x.py', '[redacted secret]']"
