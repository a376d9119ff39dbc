"""The example application, in a folder of the test's own, and plans of it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import yaml

from tests.conftest import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = CHECKOUT / "examples/guestbook"


def copy(into: Path, old: str = "", new: str = "") -> Path:
    """A copy of the example in a folder ``guestbook``, with a text of its manifest replaced."""
    folder = into / "guestbook"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    if old:
        change(folder / "application.toml", old, new)
    return folder


def change(path: Path, old: str, new: str) -> None:
    """Replace a text of a file, which must stand there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def commit(folder: Path, message: str) -> str:
    """Commit all of a folder in a repository of its own; returns the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    argv = ["git", *who, "-C", str(folder), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def plan(path: Path, subjects: dict, **changes) -> Path:
    """Write a plan of such subjects; ``changes`` are its other keys."""
    baseline, candidate = [*subjects, *subjects][:2]
    document = {
        "schema": "plan/1",
        "name": "guests",
        "title": "guests",
        "profile": "smoke",
        "seed": 7,
        "blocks": 1,
        "subjects": subjects,
        "workloads": {"read": {"operations": [{"operation": "read-entry"}]}},
        "loads": {
            "client": {"generator": "client-closed", "connections": 4, "duration_s": 1},
        },
        "comparisons": [{"baseline": baseline, "candidate": candidate}],
        **changes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path
