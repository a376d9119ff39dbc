"""Every command that prints a table, on terminals of several widths: no figure is lost."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import click
import msgspec
import pytest
from rich.cells import cell_len

from analysis import fleet
from analysis.host import judge as judge_host
from bundle import typed
from bundle.documents.host import HostReadings
from bundle.documents.results import Results
from host.identity import identify
from host.items import readings
from ormlab import cli
from ormlab.cli.claims_text import judgement_text, verdicts_text
from ormlab.cli.compare import compared
from ormlab.cli.doctor import examination_text
from ormlab.cli.fleet_text import fleet_text
from ormlab.cli.host import _text as host_text
from ormlab.cli.output import Printout, run_output
from ormlab.cli.page import PIPE
from ormlab.cli.profile import profile_text
from ormlab.cli.releases import printed as releases_printed
from ormlab.compare import course
from ormlab.fleet.combined import FleetResult
from ormlab.fleet.outcomes import RunOutcome, Stage
from ormlab.judging import judge
from ormlab.provision.add import AddedHost, Wish
from ormlab.provision.add.first_look import FirstLook
from ormlab.releases.changes import of as changes_of
from ormlab.releases.choice import ReleaseChoice
from ormlab.releases.course import Found, MeasuredRelease, Outcome
from ormlab.run.doctor import Examination
from tests.bundle import making
from tests.cli.inside import ormlab
from tests.doctor.hosts import build, place
from tests.profile.looked import LOOKED
from tests.releases import test_text as releases
from tests.report import recorded

WIDEST, *NARROWER = 200, 100, 80, 60


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """By command, what makes its text, of recorded bundles, of a ledger and of an archive.

    What would measure anew, or needs a plan that the lab does not ship, is its renderer alone.
    """
    folder = tmp_path_factory.mktemp("widths")
    (folder / "first").mkdir()
    first = recorded.make(folder / "first")
    second = shutil.copytree(first, folder / "second" / first.name)
    making.edit_json(second / "bundle.json", host="0" * 64)
    making.relist(second)
    making.reseal(second)
    archive = ("--archive", folder / "archive")
    ledger = recorded.ledger()
    sql = "SELECT subject, metric, max(value), any_value(host), bundle FROM trials GROUP BY ALL"
    told = {}

    def of(*arguments):
        """Run a command, and keep its printout instead of printing it."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Printout, "print", lambda self, **_: told.setdefault("made", self))
            ormlab(*arguments)
        return told.pop("made").text

    verdicts = judge.judge(first, ledger).verdicts
    judgement = judge.judge_several([first, second], ledger)
    judge.judge(first)
    ormlab("archive", "add", first, *archive)
    ormlab("catalog", "build", *archive)
    host = msgspec.convert(readings(place(build("ryzen-smt-off", folder / "host"))), HostReadings)
    examined = Examination("host", "vm", host, judge_host(host, "vm"))
    played = identify(folder / "host")
    look = FirstLook("bench", "3.13.5", played, (), "vm", tuple(judge_host(host, "bare-metal")))
    added = AddedHost(Path("hosts.yml"), Wish("ryzen9", "192.0.2.1"), ("app",), (), (), look, {})
    results = typed.read(first, Results)
    several = fleet.compare([fleet.NodeRun(node, results) for node in ("n1", "n2", "n3")])
    result = FleetResult(several, (first, second), ())
    sealed = tuple(RunOutcome(number, Stage.SEALED, "was sealed") for number in (1, 2, 3))
    due = releases.due("2.1.9", "2.1.8")
    found = Found(releases.WATCHED, ReleaseChoice((due,), ()), "2.1.8")
    released = Outcome(
        measured=[MeasuredRelease("sqlalchemy", due, first, changes_of(results), ())]
    )
    return {
        "fleet": lambda: fleet_text(sealed, result, folder),
        "releases": releases_printed(releases.REQUEST, [found], released).text,
        "judge": of("judge", first),
        "judge one": lambda: verdicts_text(verdicts, first),
        "judge several": lambda: judgement_text(judgement, folder),
        "plans": of("plans"),
        "claims": of("claims", "show", "article"),
        "explain": of("explain", first),
        "diff": of("diff", first, second),
        "archive": of("archive", "list", *archive),
        "catalog query": of("catalog", "query", sql, *archive),
        "catalog trend": of("catalog", "trend", "throughput", "--subject", "asyncpg", *archive),
        "host add": lambda: host_text(added),
        "subject list": of("subject", "list"),
        "doctor": lambda: examination_text(examined, verbose=True),
        "run": run_output("ormlab-run/1", first).text,
        "profile": lambda: profile_text(LOOKED, first),
        "compare": compared(course.read(first, "throughput"), None).text,
    }


def shown(text, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    return text()


def figures(text):
    """Every number with its signs, and every word with a digit: dates, versions, digests."""
    return Counter(re.findall(r"[-+]?[\w.,:/]*\d[\w.,:/-]*[\w%]|[-+]?\d", text))


@pytest.mark.parametrize("columns", NARROWER)
def test_no_command_loses_a_figure_on_a_narrower_terminal(printed, columns, monkeypatch):
    for command, text in printed.items():
        due = figures(shown(text, WIDEST, monkeypatch))
        assert due, command
        lost = due - figures(shown(text, columns, monkeypatch))
        assert not lost, command


@pytest.mark.parametrize("columns", [WIDEST, *NARROWER])
def test_no_line_of_a_table_is_wider_than_the_terminal(printed, columns, monkeypatch):
    rows = [
        line
        for text in printed.values()
        for line in shown(text, columns, monkeypatch).splitlines()
        if line.startswith(" ") and len(line.split()) > 1
    ]
    assert rows
    assert [line for line in rows if cell_len(line) > columns] == []


def test_a_pipe_has_the_width_that_its_documentation_names(printed, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    drawn = printed["explain"]()
    assert drawn == shown(printed["explain"], PIPE, monkeypatch)
    said = " ".join(cli.group.get_help(click.Context(cli.group)).split())
    assert f"in a pipe it has {PIPE} characters" in said


def test_every_module_that_draws_a_table_is_tried_here(printed):
    drawing = {
        path.stem.removesuffix("_text")
        for path in Path(cli.__file__).parent.glob("*.py")
        if "Page()" in path.read_text()
    }
    tried = {name.split()[0] for name in printed} | {
        "tables",
        "importing",
    }  # by the first `judge` and `run` print; the second has its own test
    assert drawing <= tried
