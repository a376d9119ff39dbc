"""An application at a git ref: its folder as a commit has it, checked out apart from all others."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from host.environment import environment
from ormlab.base import checkout
from ormlab.base.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORT: Final = 7  # digits of a commit in the name of its folder
_LONGEST: Final = 30 - _SHORT - 1  # of the name before them: the whole names a service


class CheckedOut(NamedTuple):
    """A folder of a repository at a commit."""

    folder: Path  #: named by the folder and the commit, so that two commits are two applications
    commit: str  #: its whole name


def checked_out(folder: Path, ref: str, *, where: str) -> CheckedOut:
    """Check out a folder of a repository at a branch, tag or commit.

    Nothing in the repository changes. What is not committed is not part of it.

    Args:
        folder: in a work tree of git.
        ref: as git understands it.
        where: the part of the plan that names it, for messages.

    Raises:
        PlanError: git has no such ref, or the commit no such folder.
    """
    try:
        commit = _git(folder, "rev-parse", "--verify", f"{ref}^{{commit}}").decode().strip()
        top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
        prefix = _git(folder, "rev-parse", "--show-prefix").decode().rstrip("/\n")
        name = f"{folder.resolve().name[:_LONGEST]}_{commit[:_SHORT]}"
        made = checkout.STATE / "refs" / commit / name
        if not made.exists():
            _extract(_git(top, "archive", "--format=tar", f"{commit}:{prefix}"), made)
    except (OSError, tarfile.TarError) as problem:
        raise PlanError(
            "ref-invalid",
            f"{ref!r} cannot be checked out: {problem}",
            where=where,
            hint="name a branch, tag or commit of the repository that holds the application; what "
            "is not committed is measured without ref",
        ) from None
    return CheckedOut(made, commit)


def _extract(archive: bytes, made: Path) -> None:
    """Write the files of a commit, and give the folder its name at the end."""
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent, prefix=".new-") as scratch:
        ready = Path(scratch) / made.name
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(ready, filter="data")
        try:
            ready.rename(made)
        except OSError:
            if not made.exists():  # another process was first, with the same files
                raise


def _git(folder: Path, *arguments: str) -> bytes:
    words: Sequence[str] = ["git", "-C", str(folder), *arguments]
    answer = subprocess.run(words, capture_output=True, check=False, env=environment("git"))
    if answer.returncode:
        said = answer.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise OSError(said[0].removeprefix("fatal: "))
    return answer.stdout
