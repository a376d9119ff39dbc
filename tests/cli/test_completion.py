"""Shells complete commands, options, and the names of plans and ledgers: asked as they ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
PATH = f"{BIN}:{os.environ['PATH']}"
# What click's script does when the user presses the tab key behind the words.
PRESSED = """
eval "$(_ORMLAB_COMPLETE=bash_source ormlab)"
COMP_WORDS=(TYPED)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p ormlab | sed 's/.*-F \\([^ ]*\\).*/\\1/') ormlab "${COMP_WORDS[-1]}" ""
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("ormlab rep", ["report", "reproduce"]),
        ("ormlab run dem", ["demo"]),
        ("ormlab reproduce art", ["article"]),
        ("ormlab run demo --repo", ["--report"]),
    ],
)
def test_bash_completes(words, completed):
    if not shutil.which("bash"):
        pytest.skip("there is no bash here")
    told = subprocess.run(
        ["bash", "--norc", "-c", PRESSED.replace("TYPED", words)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": PATH},
    )
    assert sorted(told.stdout.split()) == completed, told.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_protocol_of_the_other_shells_is_answered(shell):
    """Their scripts ask by these variables; the shells themselves are rarely installed."""
    asked = {"COMP_WORDS": "ormlab rep", "COMP_CWORD": "1" if shell == "zsh" else "rep"}
    asked |= {"PATH": PATH, "_ORMLAB_COMPLETE": f"{shell}_complete"}
    told = subprocess.run(["ormlab"], capture_output=True, text=True, check=True, env=asked)
    assert {"report", "reproduce"} <= {*told.stdout.replace(",", " ").replace("\t", " ").split()}
    script = subprocess.run(
        ["ormlab"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": PATH, "_ORMLAB_COMPLETE": f"{shell}_source"},
    ).stdout
    assert f"_ORMLAB_COMPLETE={shell}_complete" in script
