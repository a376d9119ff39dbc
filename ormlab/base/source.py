"""The source that measures: its commit, and how the checkout differs from it.

Git is asked for names and commits, never whether a file of the code differs: the bytes on the disk
are held against the blobs of the commit. Line endings that git converts, and files that its index
is told to assume unchanged or to skip, are therefore differences like any other.

What git ignores is neither shipped to a host nor recorded. A file that git does not know and would
take is both: it makes the source dirty and stands in the patch.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from host.environment import environment
from ormlab.base import checkout

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES: Final = ("agent", "analysis", "bundle", "host", "ormlab", "workloads")
DATA: Final = ("workloads/plans", "workloads/ledgers")
"""Folders of what users ask for: a bundle keeps what of it was used, and no host needs it."""

_CODE: Final = (*PACKAGES, "requirements")
_LINK, _MODULE = "120000", "160000"  # modes of a tree's entries: symbolic link, submodule
_PLAIN: Final = (
    *("--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)
_REFUSALS: Final = {
    "dubious ownership": "the checkout belongs to another user, and git reads none of another's",
    "not a git repository": "the folder of the program is no git checkout",
}


@dataclass(frozen=True)
class Source:
    """The state of a checkout."""

    commit: str | None  #: that is checked out; None if nothing vouches for the source
    #: whether the source is another one than the commit's; None without a commit
    dirty: bool | None
    reason: str | None = None  #: why there is no commit; None if there is one
    #: SHA-256 (hex) by path of each file that runs and that the commit does not have
    added: dict[str, str] = field(default_factory=dict)
    #: makes the source of the commit, by ``git apply``; without the inventory, which names hosts
    #: and accounts: of it a bundle has a form of its own
    patch: bytes = b""


class _NoAnswerError(Exception):
    """Git cannot say; the message says why, and names neither a folder nor a user."""


def here() -> Source:
    """The source of this very program."""
    elsewhere = [name for name in PACKAGES if _folder_of(name) != checkout.ROOT]
    if elsewhere:
        return Source(None, None, f"the package {elsewhere[0]} is imported from another folder")
    return read(checkout.ROOT)


def read(root: Path) -> Source:
    """The state of the checkout in a folder, with all that differs from its commit."""
    try:
        commit = _head(root)
        changed = _changed(root, commit)
        known = _tree(root, commit, ())
        added = {
            os.fsencode(path).decode(errors="replace"): hashlib.sha256(entry.data).hexdigest()
            for path, entry in sorted(changed.items())
            if entry and path not in known
        }
        return Source(commit, bool(changed), None, added, _patch(root, commit, changed))
    except _NoAnswerError as refused:
        return Source(None, None, str(refused))


def listed(root: Path, *folders: str) -> list[str]:
    """The files below some folders of a checkout that git tracks, or would take; no folders.

    Without git these are all files but Python's caches.
    """
    try:
        _head(root)
        paths = [*_tracked(root, *folders), *_untracked(root, *folders)]
    except _NoAnswerError:
        files = (path for folder in folders for path in (root / folder).rglob("*"))
        paths = [str(each.relative_to(root)) for each in files if "__pycache__" not in each.parts]
    return sorted(path for path in set(paths) if os.path.lexists(root / path))


@dataclass(frozen=True)
class _Entry:
    """A file as git would keep it, if git converted nothing."""

    mode: str
    data: bytes

    def blob(self, like: str) -> str:
        """Its object's name, by the hash function that made the name ``like``."""
        kind = hashlib.sha1 if len(like) == len("0" * 40) else hashlib.sha256
        return kind(b"blob %d\0" % len(self.data) + self.data).hexdigest()


def _head(root: Path) -> str:
    top = os.fsdecode(_git(root, "rev-parse", "--show-toplevel")).removesuffix("\n")
    if Path(top).resolve() != root.resolve():
        raise _NoAnswerError("the folder of the program lies inside another git checkout")
    try:
        return _git(root, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    except _NoAnswerError:
        raise _NoAnswerError("nothing is committed in the checkout") from None


def _changed(root: Path, commit: str) -> dict[str, _Entry | None]:
    """What differs from the commit, by path; None where a file is gone.

    Of the code this is judged by the bytes; elsewhere by git, and only of what it tracks.
    """
    tree = _tree(root, commit, _CODE)
    modes = (
        _git(root, "config", "--type=bool", "--default=true", "--get", "core.fileMode") == b"true\n"
    )
    changed: dict[str, _Entry | None] = {}
    for path in {*tree, *_tracked(root, *_CODE), *_untracked(root, *_CODE)}:
        mode, name = tree.get(path, ("", ""))
        entry = None if mode == _MODULE else _on_disk(root / path, None if modes else mode)
        here = (entry.mode, entry.blob(name or commit)) if entry else ("", "")
        if mode != _MODULE and here != (mode, name):
            changed[path] = entry
    outside = [f":(exclude,top){folder}" for folder in _CODE]
    differs = _git(root, "diff", "--name-only", "-z", "--no-renames", commit, "--", ".", *outside)
    return changed | {path: _on_disk(root / path, None) for path in _split(differs)}


def _on_disk(path: Path, mode: str | None) -> _Entry | None:
    """A file as it is; None if there is none, or a folder in its place.

    ``mode`` is the one that git has for it where the file system keeps no executable bit.
    """
    try:
        found = path.lstat().st_mode
        if stat.S_ISLNK(found):
            return _Entry(_LINK, os.fsencode(path.readlink()))
        if not stat.S_ISREG(found):
            return None
        own = "100755" if found & stat.S_IXUSR else "100644"
        return _Entry(own if mode is None else mode or "100644", path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _patch(root: Path, commit: str, changed: dict[str, _Entry | None]) -> bytes:
    """The differences as git writes them, made beside the checkout: nothing in it is written."""
    if not changed:
        return b""
    with tempfile.TemporaryDirectory() as scratch:
        objects = os.fsdecode(_git(root, "rev-parse", "--git-path", "objects")).rstrip("\n")
        variables = {
            "GIT_INDEX_FILE": f"{scratch}/index",
            "GIT_OBJECT_DIRECTORY": f"{scratch}/objects",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(root / objects),
        }
        Path(scratch, "objects").mkdir()
        _git(root, "read-tree", commit, variables=variables)
        lines = []
        # What is gone first, for a folder may stand in its place.
        for path, entry in sorted(changed.items(), key=lambda each: each[1] is not None):
            mode, name = "0", "0" * len(commit)
            if entry:
                keep = ("hash-object", "-w", "--no-filters", "--stdin")
                mode, name = (
                    entry.mode,
                    _git(root, *keep, given=entry.data, variables=variables).decode(),
                )
            lines.append(f"{mode} {name.strip()}\t{path}\0")
        index = os.fsencode("".join(lines))
        _git(root, "update-index", "-z", "--index-info", given=index, variables=variables)
        kept = ("--", ".", ":(exclude)inventory")
        return _git(root, "diff", "--cached", *_PLAIN, commit, *kept, variables=variables)


def _tree(root: Path, commit: str, folders: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Mode and object of each file of a commit, by path."""
    found = {}
    for line in _split(_git(root, "ls-tree", "-r", "-z", commit, "--", *folders)):
        told, _, path = line.partition("\t")
        mode, _, name = told.split()
        found[path] = (mode, name)
    return found


def _tracked(root: Path, *folders: str) -> list[str]:
    return _split(_git(root, "ls-files", "-z", "--cached", "--", *folders))


def _untracked(root: Path, *folders: str) -> list[str]:
    """What git does not know and would take; without checkouts of their own, and without data."""
    asked = ("ls-files", "-z", "--others", "--exclude-standard", "--", *folders)
    data = tuple(f"{folder}/" for folder in DATA)
    return [
        path
        for path in _split(_git(root, *asked))
        if not path.startswith(data) and not path.endswith("/")
    ]


def _split(answer: bytes) -> list[str]:
    return [os.fsdecode(part) for part in answer.split(b"\0") if part]


def _git(
    root: Path, *arguments: str, given: bytes = b"", variables: Mapping[str, str] | None = None
) -> bytes:
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), *arguments],
            input=given,
            capture_output=True,
            check=False,
            env=environment("git", {"GIT_OPTIONAL_LOCKS": "0", **(variables or {})}),
        )
    except FileNotFoundError:
        raise _NoAnswerError("git is not installed") from None
    except OSError:
        raise _NoAnswerError("git cannot be started") from None
    if answer.returncode != 0:
        said = answer.stderr.decode(errors="replace")
        known = (reason for sign, reason in _REFUSALS.items() if sign in said)
        raise _NoAnswerError(next(known, "git cannot read the checkout"))
    return answer.stdout


def _folder_of(package: str) -> Path | None:
    """The folder from which a package is imported."""
    spec = find_spec(package)
    return Path(spec.origin).resolve().parents[1] if spec and spec.origin else None
