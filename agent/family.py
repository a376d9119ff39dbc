"""Which processes are below another one, by the kernel's own account.

The kernel lists the children of each thread (proc_tid_children(5)) where it was built with
CONFIG_PROC_CHILDREN. Where it was not, every process is asked for its parent, which always works
and costs some milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

type Method = Literal["children", "parents"]

_PARENT = 1  # of the fields of /proc/PID/stat, counted from the one behind the name


def descendants(root: int, proc: Path) -> tuple[list[int], Method]:
    """The process itself and all that are below it, parents before their children.

    Args:
        root: the process.
        proc: the folder ``/proc``.

    Returns:
        The processes, and how they were found.

    Raises:
        OSError: the kernel does not let this user see them.
    """
    found = _by_children(root, proc)
    return (found, "children") if found is not None else (_by_parents(root, proc), "parents")


def _by_children(root: int, proc: Path) -> list[int] | None:
    """Through the lists of children; None where the kernel has none."""
    found = [root]
    for pid in found:
        try:
            threads = list((proc / str(pid) / "task").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        for thread in threads:
            try:
                children = (thread / "children").read_text()
            except (FileNotFoundError, ProcessLookupError):
                if (thread / "stat").exists():
                    return None
                continue  # the thread has ended
            found.extend(int(child) for child in children.split())
    return found


def _by_parents(root: int, proc: Path) -> list[int]:
    """Through the parent that each process tells; one that has just ended is left out."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in proc.glob("[0-9]*"):
        try:
            told = (folder / "stat").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # Who may not be read is another user's: the lab's processes of one purpose have one.
            continue
        parent = int(told[told.rindex(b")") + 1 :].split()[_PARENT])
        children[parent].append(int(folder.name))
    found = [root]
    for pid in found:
        found.extend(sorted(children[pid]))
    return found
