"""What a newcomer reads when the set-up cannot go on: one sentence, and what to type."""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys

import pytest

import bootstrap
from agent import interpreters
from host.distribution import how_to_get_python
from tests.conftest import CHECKOUT

OLD = ("3.6", "3.7", "3.8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A checkout in a folder with a space, in which nothing is made yet."""
    root = tmp_path / "my lab"
    lab = root / ".lab"
    (root / "requirements").mkdir(parents=True)
    (root / "requirements/uv.txt").write_text("")
    (root / ".python-version").write_text("3.13\n")
    made = {"ROOT": root, "LAB": lab, "VENV": root / ".venv", "UV": lab / "uv/bin/uv"}
    for name, path in {**made, "BIN": lab / "bin", "LOG": lab / "bootstrap.log"}.items():
        monkeypatch.setattr(bootstrap, name, path)
    monkeypatch.setattr(bootstrap.reach, "obstacle", lambda *_: None)
    monkeypatch.delenv("ORMLAB_FETCH_PYTHON", raising=False)
    return root


@pytest.fixture
def without_python(monkeypatch):
    monkeypatch.setattr(interpreters, "find", lambda _version: None)


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_an_old_python_can_read_the_file_that_refuses_it():
    ast.parse((CHECKOUT / "bootstrap.py").read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("version", OLD)
def test_an_old_python_is_refused_in_one_line(version):
    old = interpreters.find(version)
    if old is None:
        pytest.skip(f"there is no CPython {version} here")
    told = subprocess.run(
        [old, "-E", "bootstrap.py", "place"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert f"is Python {version}, and the set-up needs 3.9 or newer" in told.stderr
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.usefixtures("without_python")
def test_without_a_python_that_may_be_fetched_nothing_is_made(place, capsys):
    before = sorted(place.rglob("*"))
    assert bootstrap.main(["lab"]) == 7
    told = capsys.readouterr().err
    assert f"\n  {how_to_get_python('3.13')}\n" in told
    assert sorted(place.rglob("*")) == before


@pytest.mark.usefixtures("without_python")
def test_a_python_that_cannot_be_fetched_ends_with_what_to_type(place, capsys, monkeypatch):
    monkeypatch.setenv("ORMLAB_FETCH_PYTHON", "1")
    program(bootstrap.UV, "echo 'error: tunnel refused'; exit 2")
    (bootstrap.LAB / "uv/.lock").write_text((place / "requirements/uv.txt").read_text())
    assert bootstrap.main(["lab"]) == 7
    told = capsys.readouterr().err
    assert "fetching CPython 3.13 into .lab/python failed: error: tunnel refused" in told
    assert f"\n  {how_to_get_python('3.13')}\n" in told


def test_an_interpreter_without_venv_is_named_before_anything_is_made(
    place, capsys, monkeypatch, tmp_path
):
    poor = str(program(tmp_path / "python3.13", "exit 1"))
    monkeypatch.setattr(interpreters, "find", lambda _version: poor)
    monkeypatch.setattr(sys, "executable", poor)
    assert bootstrap.main(["lab"]) == 7
    assert f"{poor} lacks the modules venv and ensurepip" in capsys.readouterr().err
    assert not (place / ".lab/uv").exists()


def test_a_checkout_that_cannot_be_written_is_named(place, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, _mode: folder != place)
    assert bootstrap.main(["place"]) == 7
    told = capsys.readouterr().err
    assert f"you cannot write to {place}" in told
    assert shlex.quote(str(place)) in told


@pytest.mark.usefixtures("place")
def test_another_system_is_refused(capsys, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert bootstrap.main(["place"]) == 7
    assert "on Linux only, and this is darwin" in capsys.readouterr().err


@pytest.mark.usefixtures("place")
def test_a_step_that_fails_says_the_last_words_of_its_program(capsys, tmp_path):
    bootstrap.LAB.mkdir()
    broken = program(tmp_path / "broken", "echo first; echo 'no such luck' >&2; echo; exit 3")
    with pytest.raises(bootstrap._StepError, match="trying failed: no such luck"):
        bootstrap._run("trying", [broken], {})
    assert capsys.readouterr().err == "ormlab: trying\n"
    assert "first" in bootstrap.LOG.read_text()


def test_the_offered_line_puts_ormlab_and_nothing_else_on_path(place, capsys):
    bootstrap.LAB.mkdir()
    program(place / ".venv/bin/ormlab", "echo it is I")
    program(place / ".venv/bin/python", "exit 1")
    bootstrap._offer()
    bootstrap._offer()
    line = capsys.readouterr().err.splitlines()[-1].partition("folder: ")[2]
    asked = f"{line}; ormlab; command -v python3"
    told = subprocess.run(["sh", "-c", asked], capture_output=True, text=True, check=True, cwd="/")
    assert told.stdout.splitlines()[0] == "it is I"
    assert [each.name for each in bootstrap.BIN.iterdir()] == ["ormlab"]
