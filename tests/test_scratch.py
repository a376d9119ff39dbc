"""Folders of a process: gone with it, also when it is killed, and never another's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bundle.errors import StorageError
from ormlab.base import checkout, scratch
from tests.conftest import CHECKOUT

HOLD = """
import pathlib, sys
from ormlab.base import checkout
from ormlab.base import scratch
checkout.STATE = pathlib.Path(sys.argv[1])
with scratch.folder() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setattr(checkout, "STATE", tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def other(state):
    """Another process that holds a folder."""
    state.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    ) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


def test_a_folder_is_gone_afterwards(state):
    with scratch.folder() as folder:
        (folder / "file").touch()
    assert not list(state.glob("run-*"))


def test_that_of_a_process_which_was_killed_goes_with_the_next_and_a_living_one_stays(state, other):
    process, held = other
    with scratch.folder() as mine:
        assert {str(path) for path in state.glob("run-*")} == {str(mine), held}
    process.kill()
    process.wait()
    assert Path(held).exists()
    with scratch.folder() as mine:
        assert list(state.glob("run-*")) == [mine]


def test_a_checkout_that_cannot_be_written_is_one_clear_error(state):
    state.write_text("no folder")
    with pytest.raises(StorageError, match=str(state)), scratch.folder():
        pass
