"""The pages about tasks do what they say: their commands run, and print what stands below them.

A page marks a block of commands with ``<!-- run -->``. The blocks of a page run one after the other
in one folder; ``...`` in what is printed stands for anything, as in doctest.
"""

from __future__ import annotations

import doctest
import random
import re
import shlex
import shutil
from textwrap import indent

import pytest
import yaml

from docs.generate import DOCS
from ormlab.judging import judge
from ormlab.provision import record
from tests.archive import making, releases
from tests.cli.inside import ormlab
from tests.conftest import CHECKOUT

RUN = re.compile(
    r"^<!-- run(?:: exits with (\d+))? -->\n\n```console\n(.+?)^```", re.MULTILINE | re.DOTALL
)
FILE = re.compile(r"^<!-- file: (\S+) -->\n\n```yaml\n(.+?)^```", re.MULTILINE | re.DOTALL)
EDIT = re.compile(r"^<!-- in (\S+): (\S+) -->\n\n```yaml\n(.+?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ormlab (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def outputs(folder):
    """What wrk printed of two services."""
    for name, source in {"a": "wrk-latency", "b": "wrk-plain"}.items():
        shutil.copy(CHECKOUT / f"tests/data/published/{source}.txt", folder / f"{name}.txt")


def bundles(folder):
    """A bundle as runs leave it."""
    making.measured(folder / "bundles")


def run_of_releases(folder):
    """A judged run of two releases of an ORM."""
    made = releases.compared(
        folder / "bundles", *releases.RELEASES[:2], day=0, noise=random.Random(0)
    )
    judge.judge(made)


def guestbook(folder):
    """The example application."""
    shutil.copytree(CHECKOUT / "examples/guestbook", folder / "guestbook")


PREPARED = {
    "applications.md": guestbook,
    "archive.md": bundles,
    "compare.md": None,
    "provisioning.md": None,
    "reproduce.md": outputs,
    "subjects.md": None,
    "trends.md": run_of_releases,
}


@pytest.fixture(autouse=True)
def no_record():
    """What a play on the page's host leaves beside the runs."""
    yield
    shutil.rmtree(record.FOLDER / "here", ignore_errors=True)


def edit(path, claim, written):
    """Give a claim of a ledger what a page tells its reader to write, in place of its not_run."""
    ledger = yaml.safe_load(path.read_text())
    del ledger["claims"][claim]["not_run"]
    ledger["claims"][claim] |= yaml.safe_load(written)
    path.write_text(yaml.safe_dump(ledger, sort_keys=False))


@pytest.mark.parametrize("page", PREPARED)
def test_the_commands_of_a_page_print_what_it_shows(page, tmp_path, monkeypatch):
    text = (DOCS / page).read_text()
    if prepare := PREPARED[page]:
        prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    steps = [step for kind in (RUN, FILE, EDIT) for step in kind.finditer(text)]
    assert steps
    for step in sorted(steps, key=re.Match.start):
        if step.re is FILE:
            (tmp_path / step[1]).write_text(step[2])
        elif step.re is EDIT:
            edit(tmp_path / step[1], step[2], step[3])
        else:
            carry_out(step[2], int(step[1] or 0))


def carry_out(block, code):
    """Run the commands of a block; those that fail also show what they complain of."""
    commands = COMMAND.findall(block)
    assert len(commands) == len(re.findall(r"^\$ ", block, re.MULTILINE))
    for command, expected in commands:
        answer = ormlab(*shlex.split(command), code=code)
        printed = answer.stdout + (answer.stderr if code else "")
        same = doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS)
        assert same, f"`ormlab {command}` prints\n{indent(printed, '    ')}"


def test_no_page_has_a_block_that_nobody_runs():
    marked = {path.name for path in DOCS.glob("*.md") if "<!-- run" in path.read_text()}
    assert marked == set(PREPARED)
