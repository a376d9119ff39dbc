"""The whole file tree of a host as data, so that two moments can be compared."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# What a package manager and the account tools write about what they did; whether nothing of that
# is in force any more is what the rest of the tree says.
_BOOKS = re.compile(
    r"""
      var/lib/(dpkg|apt)/.*
    | var/cache/.*
    | var/log/(apt/.*|dpkg\.log|alternatives\.log|lastlog|wtmp.*)
    | var/lib/ucf/.*\.\d              # earlier states of ucf's own registry
    | etc/(passwd|group|shadow|gshadow|subuid|subgid)-  # the state before the last change
    """,
    re.VERBOSE,
)
# Most files are looked at several times. A file with another content has another time of change,
# and a new file another number.
_digests: dict[tuple[str, int, int], str] = {}
# Gone with the next boot; mounted; or the test's own.
_OUTSIDE = {"proc", "sys", "dev", "run", "tmp", "srv/pgdg", "root/.ansible"}


def snapshot(tree: Path) -> dict[str, str]:
    """Each path with its type, mode, owner and content."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(tree):
        here = os.path.relpath(folder, tree).removeprefix(".").removeprefix("/")
        folders[:] = [name for name in folders if _path(here, name) not in _OUTSIDE]
        for name in [*folders, *files]:
            path = _path(here, name)
            if not _BOOKS.fullmatch(path):
                found[path] = _describe(path, os.path.join(folder, name))  # noqa: PTH118 - 30,000 of them
    return found


def difference(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is not the same, a line each; empty if nothing differs."""
    changed = sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )
    return [
        f"{path}: {before.get(path, 'absent')} -> {after.get(path, 'absent')}" for path in changed
    ]


def _path(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _describe(name: str, path: str) -> str:
    status = os.lstat(path)
    what = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{what} -> {os.readlink(path)}"  # noqa: PTH115
    if stat.S_ISREG(status.st_mode):
        known = (name, status.st_ino, status.st_ctime_ns)
        if known not in _digests:
            with open(path, "rb") as file:  # noqa: PTH123
                _digests[known] = hashlib.file_digest(file, "sha256").hexdigest()
        return f"{what} {_digests[known]}"
    return what
