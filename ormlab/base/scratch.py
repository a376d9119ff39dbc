"""Folders that end with their process, and work that one process does at a time."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.errors import BundleBusyError
from bundle.storage import Lock, LockHolder, guard
from ormlab.base import checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "run-"


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder below .lab/; folders of killed processes are removed first."""
    with alone("scratch"):
        for old in checkout.STATE.glob(f"{_PREFIX}*"):
            # Its owner may be removing it this very moment.
            with suppress(BundleBusyError, FileNotFoundError), LockHolder(Lock(old)):
                shutil.rmtree(old)
        with guard(checkout.STATE):
            made = Path(tempfile.mkdtemp(dir=checkout.STATE, prefix=_PREFIX))
        lock = Lock(made)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        lock.release()


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Wait until no other process of this checkout does the same."""
    path = checkout.STATE / f"{what}.lock"
    with guard(path):
        checkout.STATE.mkdir(exist_ok=True)
        path.touch()
    with LockHolder(Lock(path, wait=True)):
        yield
