"""A signal that comes while a load starts its processes, when nothing but a hook could hear it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.load.conftest import ROOT
from tests.load.switching import subjects_of
from tests.load.test_wrk_switchback import SETTINGS

# A module, which is told to end by each process that it starts.
TOLD = """
import os, runpy, signal, sys
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def told(module, folder, values):
    (folder / "spec.json").write_text(json.dumps(values))
    ended = subprocess.run(
        [sys.executable, "-c", TOLD, module, folder / "spec.json", folder / "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, json.loads(ended.stderr)["code"]


def test_the_client_ends_although_it_was_starting_its_processes(
    start_service, make_table, tmp_path
):
    values = {"host": "127.0.0.1", "port": start_service().port, "loop": "closed", "seed": 1}
    values |= {"connections": 4, "processes": 2, "duration_s": 60, **make_table()}
    assert told("workloads.load.client", tmp_path, values) == (8, "terminated")


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_load_in_slices_ends_although_it_was_starting_wrk(start_service, make_table, tmp_path):
    values = {"subjects": subjects_of({"a": start_service()}), **SETTINGS, **make_table()}
    values |= {"warmup_s": 60, "duration_s": 60, "slice_s": 60}
    assert told("workloads.load.wrk_switchback", tmp_path, values) == (8, "terminated")
