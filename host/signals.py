"""Signals that wait while a process is started.

Python runs a handler between any two steps of its code, also in the hooks around a fork, and throws
away what is raised there (os.register_at_fork): a signal whose handler raises would be lost.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def held(*signals: signal.Signals) -> Iterator[Callable[[], object]]:
    """Hold signals back: those that come during the block are handled at its end.

    Yields a function for processes that are started in the block, which inherit to hold them back:
    it lets them through again.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    release = partial(signal.pthread_sigmask, signal.SIG_SETMASK, before)
    try:
        yield release
    finally:
        release()
