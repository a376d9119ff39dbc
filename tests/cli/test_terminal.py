"""What reaches a terminal: text is text, and a stream that cannot be written to ends nothing."""

from __future__ import annotations

import copy
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from analysis import report
from analysis.host import judge as judge_host
from analysis.report.blocks import Code, Facts, Heading, Listing, Part, Text
from analysis.tables import Cell, Column, Row, Table
from bundle import verify_bundle
from bundle.display import visible
from bundle.documents.host import HostReadings
from host.items import readings
from ormlab.cli.claims_text import claim_text, judgement_text, ledger_text, verdicts_text
from ormlab.cli.diff import diff_text
from ormlab.cli.doctor import examination_text
from ormlab.cli.explain import explanation_text
from ormlab.cli.page import Page
from ormlab.cli.tables import results_text
from ormlab.judging import judge, verdicts
from ormlab.judging.diff import diff
from ormlab.run.doctor import Examination
from tests.bundle import making
from tests.doctor.hosts import build, place
from tests.report import recorded as reported
from tests.verify import recorded

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
HOSTILE = st.text(
    st.one_of(
        st.sampled_from("\x1b\x07\x08\r\n\t\x7f\x85\x9b\x9d\u200b\u202e\u2066\u2028\ud800[]/:"),
        st.characters(),
    ),
    min_size=1,
    max_size=12,
)
MARKUP = ["[/x]", "[red]x[/red]", "always [madvise] never", ":fire:", "[link=https://x]y[/link]"]
KINDS = {"method", "verdict", "better", "metric", "unit"}  # words of the lab, never a name


def named(value, text):
    """A document, or a value of one, in which every name and sentence is this text."""
    if isinstance(value, msgspec.Struct):
        return copy.replace(value, **_named(value, value.__struct_fields__, text))
    if isinstance(value, BaseModel):
        return value.model_copy(update=_named(value, type(value).model_fields, text))
    if isinstance(value, dict):
        return {key: named(each, text) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(named(each, text) for each in value)
    return text if type(value) is str else value  # not that of an enumeration


def _named(value, fields, text):
    return {key: named(getattr(value, key), text) for key in fields if key not in KINDS}


def renamed(document, text):
    """Results or an explanation whose subjects have this text as their names."""
    cells = []
    for cell in document.cells:
        subjects = {f"{text}{at}": each for at, each in enumerate(cell.subjects.values())}
        cells.append(copy.replace(cell, subjects=subjects))
    return copy.replace(document, cells=cells)


def clean(shown):
    return all(char.isprintable() or char == "\n" for char in shown)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """What each renderer is given: of real bundles, and of the ledger that judges them."""
    folder = tmp_path_factory.mktemp("bundles")
    ledger = reported.ledger()
    bundle = reported.repeated(reported.make(folder), folder, blocks=4)
    derived = judge.judge(bundle, ledger)
    other = shutil.copytree(bundle, folder / "other" / bundle.name)
    making.edit_json(other / "bundle.json", host="0" * 64)
    recorded.change(
        other / "host/facts.before.json",
        lambda facts: facts["facts"].update(thp="always [madvise] never"),
    )
    shutil.rmtree(other / "derived")
    making.relist(other)
    making.reseal(other)
    return {
        "results": derived.results,
        "verdicts": derived.verdicts,
        "explanation": derived.explanation,
        "judgement": judge.judge_several([bundle], ledger),
        "overview": verdicts.overview(ledger),
        "diff": diff(bundle, other),
    }


def texts(documents, text):
    """Every renderer, with this text as each name, sentence and path."""
    told = {kind: named(document, text) for kind, document in documents.items()}
    path = Path(text.replace("\0", "0"))
    yield results_text(renamed(told["results"], text), path)
    yield verdicts_text(told["verdicts"], path)
    yield judgement_text(told["judgement"], path)
    yield explanation_text(renamed(told["explanation"], text), path)
    yield diff_text(told["diff"])
    yield ledger_text(told["overview"])
    for claim in told["overview"].claims:
        yield claim_text(claim, told["overview"].checks)


@settings(max_examples=30)
@given(text=HOSTILE)
def test_no_renderer_lets_a_control_character_through(documents, text):
    for shown in texts(documents, text):
        assert clean(shown)


@pytest.mark.parametrize("text", MARKUP)
def test_every_renderer_shows_a_name_as_it_is(documents, text, monkeypatch):
    monkeypatch.setenv("COLUMNS", "2000")
    for shown in texts(documents, text):
        assert text in shown
        assert "\x1b" not in shown


def test_a_difference_keeps_its_brackets(documents, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    assert "always [madvise] never" in diff_text(documents["diff"])


@pytest.mark.parametrize("text", MARKUP)
def test_readings_of_a_host_are_text(text, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "400")
    document = msgspec.convert(readings(place(build("ryzen-smt-off", tmp_path))), HostReadings)
    findings = tuple(
        replace(each, value=f"{text}\x1b[2J", reason=f"\u202e{text}")
        for each in judge_host(document, "vm")
    )
    examined = Examination(text, "vm", document, findings)
    shown = examination_text(examined, verbose=True)
    assert clean(shown)
    assert f"{text}: " in shown
    assert f"{text}\\x1b[2J" in shown


@given(text=HOSTILE)
def test_what_is_shown_is_printable_and_text_that_was_printable_is_kept(text):
    shown = visible(text)
    assert shown.isprintable()
    assert not text.isprintable() or shown == text


@given(text=HOSTILE)
def test_a_report_holds_no_control_character(text):
    row = Row((text, Cell(text, code=True), Cell(text, mark="bad")))
    table = Table(text, (Column(text), Column(text), Column(text)), (row,))
    blocks = (Text(text), Heading(text), Listing((text,)), Code(text), Facts(((text, text),)))
    told = report.Report(text, (Part("x", text, (*blocks, table)),), {text: text})
    for page in (report.markdown(told), report.html(told)):
        assert all(char.isprintable() or char in "\n\t" for char in page)


@pytest.mark.parametrize("columns", ["0", "1", "7", "-3", "many"])
def test_a_table_keeps_its_figures_however_narrow_the_terminal(documents, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    for shown in texts(documents, "x"):
        assert max(map(len, shown.split("\n"))) >= 20


@pytest.mark.parametrize("columns", ["80", "300"])
def test_a_page_is_drawn_in_ascii_where_the_stream_has_nothing_else(
    documents, monkeypatch, columns
):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert results_text(documents["results"], Path("x")).isascii()


def test_a_line_break_in_a_name_begins_no_line():
    page = Page()
    page.line("evil\nverify: it holds")
    assert page.text() == "evil\\nverify: it holds"


# The command line as a process.

NOBODY = ["plan", "no-such-plan"]
FULL = Path("/dev/full")


def run(*arguments, **options):
    return subprocess.run(
        [ORMLAB, *map(str, arguments)], text=True, check=False, timeout=60, **options
    )


def shell(line):
    """A line of bash; returns its exit codes, what it wrote, and what it said besides."""
    with tempfile.NamedTemporaryFile("r") as codes:
        whole = f'{line}; echo "${{PIPESTATUS[@]}}" > "$2"'
        answer = subprocess.run(
            ["bash", "-c", whole, "bash", ORMLAB, codes.name],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return [int(code) for code in codes.read().split()], answer.stdout, answer.stderr


# Long news on standard error, then a result: a run without the run.
NEWS = """
import sys
from pathlib import Path
from ormlab.cli import streams
streams.take_over()
from ormlab.cli.progress import reporter
import click
with reporter() as progress:
    for number in range(3000):
        progress.stage(f"stage {number} of a long run, which goes on whoever reads it")
click.echo("the result")
Path(sys.argv[1]).write_text("sealed")
sys.exit(streams.ended(5))
"""


@pytest.mark.parametrize(
    "streams", ["2>&1 | head -1", "2>/dev/full", "2>&-", ">&- 2>&-", ">/dev/full 2>/dev/full"]
)
def test_work_goes_on_to_its_own_exit_code_whatever_becomes_of_the_streams(tmp_path, streams):
    program, sealed = tmp_path / "news.py", tmp_path / "sealed"
    program.write_text(NEWS)
    codes, said, err = shell(f"{sys.executable} {program} {sealed} {streams}")
    assert sealed.read_text() == "sealed"
    assert codes[0] == 5
    assert "Traceback" not in err
    if "head" in streams:
        assert said == "- stage 0 of a long run, which goes on whoever reads it\n"


def test_a_reader_who_left_is_no_fault():
    codes, said, err = shell('"$1" plan demo | head -1')
    assert codes == [0, 0]
    assert said.count("\n") == 1
    assert err == ""


def test_an_error_keeps_its_code_when_nobody_reads_it():
    for streams in ("2>&1 | head -0", "2>/dev/full", "2>&-", ">&- 2>&-"):
        codes, _, err = shell(f'"$1" plan no-such-plan --json {streams}')
        assert codes[0] == 2, streams
        assert "Traceback" not in err


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_result_that_finds_no_room_is_a_fault_and_said():
    with FULL.open("w") as full:
        answer = run("plan", "demo", "--json", stdout=full, stderr=subprocess.PIPE)
    assert answer.returncode == 7
    assert "No space left" in answer.stderr
    assert "Traceback" not in answer.stderr
    with FULL.open("w") as full:
        assert run(*NOBODY, "--json", stdout=full, stderr=subprocess.PIPE).returncode == 2


def test_a_closed_standard_output_is_said_and_no_fault():
    codes, _, err = shell('"$1" plan demo >&-')
    assert codes == [0]
    assert "it is closed" in err


def test_a_closed_stream_leaves_its_number_to_nobody(tmp_path):
    """Else a bundle's file gets number 2, and a warning lands in it."""
    out = tmp_path / "plan.json"
    program = tmp_path / "program.py"
    program.write_text(
        "from ormlab.cli import streams\nstreams.take_over()\nimport os, sys\n"
        f"file = open({str(out)!r}, 'w')\nos.write(2, b'a warning')\nfile.write('whole')\n"
    )
    codes, _, _ = shell(f"{sys.executable} {program} >&- 2>&- <&-")
    assert codes == [0]
    assert out.read_text() == "whole"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_shows_any_name(encoding):
    name = os.fsdecode(b"a\xe6\x97\xa5[/x]\x1b]8;;https://x\x07\xff")
    answer = subprocess.run(
        [ORMLAB, "plan", name, "--json"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert answer.returncode == 2
    told = json.loads(answer.stdout)
    assert answer.stdout.isascii()
    assert name in told["problems"][0]["what"] or repr(name) in told["problems"][0]["what"]
    shown = answer.stderr.decode(encoding)
    assert clean(shown)
    assert "[/x]\\x1b]8;;https://x\\x07\\udcff" in shown


def test_a_usage_error_shows_what_was_typed():
    answer = run("\x1b[31mno", capture_output=True)
    assert answer.returncode == 2
    assert "\\x1b[31mno" in answer.stderr
    assert clean(answer.stderr)


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_a_terminal_obeys_no_name(tmp_path, terminal):
    program = tmp_path / "news.py"
    program.write_text(NEWS.replace("stage {number}", "\\x1b]0;evil\\x07[/x] :fire: {number}"))
    code, shown = on_a_terminal(
        [sys.executable, program, tmp_path / "sealed"], TERM=terminal, NO_COLOR="1"
    )
    assert code == 5
    assert "\x1b]0;evil" not in shown
    assert "\\x1b]0;evil\\x07[/x] :fire: " in shown
    if terminal == "dumb":
        assert "\x1b" not in shown


def on_a_terminal(command, **variables):
    """Run a command on a terminal; returns its exit code and what the terminal got."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        command, stdin=child, stdout=child, stderr=child, env=os.environ | variables
    )
    os.close(child)
    got = b""
    while True:
        try:
            piece = os.read(parent, 2**16)
        except OSError:
            break
        if not piece:
            break
        got += piece
    os.close(parent)
    return process.wait(), got.decode()


def test_a_closed_terminal_interrupts_and_nohup_prevents_it(tmp_path):
    program = tmp_path / "waits.py"
    program.write_text(
        "from ormlab import cli\nimport signal, sys\n"
        "from ormlab.base.stopping import StopRequest\n"
        "def wait():\n"
        "    with StopRequest() as asked:\n"
        "        print('ready', flush=True)\n"
        "        sys.stdin.readline()\n"
        "        asked.check()\n"
        "cli.group.main = lambda **_: wait()\n"
        "cli.main()\n"
    )
    for before, code in (("default", 130), ("ignore", 0)):
        process = subprocess.Popen(
            ["env", f"--{before}-signal=HUP", sys.executable, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        process.communicate("on\n", timeout=60)
        assert process.returncode == code


# The single file for strangers.

PROGRAM = Path(verify_bundle.__file__)


def test_the_strangers_verifier_names_control_characters_and_survives_its_reader(tmp_path):
    bundle = making.sealed(tmp_path)
    (bundle / "\x1b[31m\x7f\u202e\r.txt").write_text("x")
    for number in range(3000):
        (bundle / f"extra-{number}").write_text("")
    command = f"{sys.executable} -I -S {PROGRAM} {bundle}"
    for options in ("", "--json"):
        codes, said, err = shell(f"{command} {options} | cat")
        assert codes[0] == 3
        assert clean(said)
        assert err == ""
        for streams in ("| head -1", ">/dev/full", ">&-", ">&- 2>&-"):
            codes, _, err = shell(f"{command} {options} {streams}")
            assert codes[0] == 3, streams
            assert "Traceback" not in err
            assert "Exception" not in err


def test_the_strangers_verifier_does_not_say_all_is_well_into_the_void(tmp_path):
    command = f"{sys.executable} -I -S {PROGRAM} {making.sealed(tmp_path)}"
    codes, _, err = shell(f"{command} >/dev/full")
    assert codes == [2]
    assert "No space left" in err
    assert shell(f"{command} | head -0")[0][0] == 0
