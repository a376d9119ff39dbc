"""The kept evidence: what of it lies in evidence/, and all of it, put together from git's history.

python -m docs.evidence FOLDER    write a store with every bundle, for `archive pull --all`
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bundle.codec import decode
from bundle.display import quantity
from host.environment import environment
from ormlab.archive.exchange import pull
from ormlab.archive.layout import ELSEWHERE, Elsewhere, Stored, packed
from ormlab.archive.store import Store
from ormlab.base.checkout import ROOT

EVIDENCE = ROOT / "evidence"
_SEALS = "seals"


class HistoryError(Exception):
    """The history of this clone does not have every bundle; the message says which and why."""


def here() -> tuple[str, ...]:
    """The ids of the bundles whose packed form lies in evidence/, the oldest first."""
    stored = [
        decode(path.read_bytes(), Stored, where=path) for path in (EVIDENCE / _SEALS).iterdir()
    ]
    return tuple(sorted(each.id for each in stored if (EVIDENCE / packed(each.archive)).exists()))


def fetch(folder: Path, ids: tuple[str, ...]) -> None:
    """Unpack bundles of evidence/ into an archive.

    Raises:
        EntryError: the history keeps one of them.
    """
    pull(Store.open(str(EVIDENCE)), folder, ids)


def whole(folder: Path) -> Store:
    """Write a store with every bundle into a new folder: those of evidence/, and the history's.

    Raises:
        HistoryError: this clone lacks some; the folder is removed again.
    """
    shutil.copytree(EVIDENCE, folder)
    store = Store.open(str(folder))
    left = store.record(ELSEWHERE, Elsewhere)
    missing = [
        each.id
        for each in (left.bundles if left else ())
        if left
        and not _from_history(f"{each.commit}:{left.path(each)}", folder / packed(each.archive))
    ]
    if missing:
        shutil.rmtree(folder)
        raise HistoryError(
            f"the history of this clone lacks {quantity(len(missing), 'bundle')} of the evidence, "
            f"first {missing[0]}: `git fetch --unshallow` completes a shallow clone"
        )
    return store


def _from_history(blob: str, target: Path) -> bool:
    """Write a file of a commit, ``commit:path``; False if git does not have it."""
    if target.exists():
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        answer = subprocess.run(
            ["git", "-C", str(ROOT), "cat-file", "blob", blob],
            stdout=out,
            stderr=subprocess.DEVNULL,
            check=False,
            env=environment("git"),
        )
    return answer.returncode == 0


def main() -> int:
    """Write the store that the only argument names; return the exit code."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its argument
        sys.stderr.write("usage: python -m docs.evidence FOLDER\n")
        return 2
    try:
        whole(Path(sys.argv[1]))
    except (HistoryError, FileExistsError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
