"""The whole demo, of a small ledger and a small plan: the same command, minutes shorter."""

from __future__ import annotations

import shlex
from pathlib import Path

from click.testing import CliRunner

from ormlab.cli import demo
from ormlab.judging import report
from tests.run import small


def shorter(document):
    document["loads"]["client"].update(duration_s=0.2)
    small.alone(document, blocks=1)


def test_the_demo_says_what_runs_then_measures_and_ends_with_a_line_to_paste(
    write, inventory, tmp_path, monkeypatch
):
    monkeypatch.setattr(demo, "LEDGER", str(write()))
    monkeypatch.setattr(demo, "CLAIMS", "runs.*")
    monkeypatch.setattr(demo, "PLAN", str(small.write_plan(tmp_path / "small.yaml", shorter)))
    monkeypatch.setattr(report, "REPORTS", tmp_path / "reports of mine")
    options = ["--inventory", str(inventory), "--bundles", str(tmp_path / "bundles")]
    told = CliRunner().invoke(demo.command, options)
    assert told.exit_code == 0, told.output
    first, _, second = told.stdout.partition("read-one under client")
    assert 'that the article "A tiny ledger" names run on the Python that it names' in first
    *_, written, pasted = second.strip().splitlines()
    page = Path(written.partition(": ")[2])
    assert page.parent == tmp_path / "reports of mine"
    assert "<html" in page.read_text()
    called, *_ = shlex.split(pasted.partition(":")[2])
    assert Path(called).is_absolute()
