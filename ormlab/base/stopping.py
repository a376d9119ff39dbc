"""Ctrl-C, SIGTERM and a closed terminal as a request that the code checks where stopping is safe.

An exception raised by a signal handler comes out of whatever runs at that moment, which may be a
library that swallows it. Here the handler only takes note.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Takes note of the signals while its context lasts; further ones change nothing.

    A signal that the process was told to ignore, as a shell does for what it starts in the
    background and nohup(1) does for SIGHUP, stays ignored. Enter it in the main thread.
    """

    def __init__(self) -> None:
        self.asked = False  #: whether the user wants to stop
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def check(self) -> None:
        """Raise KeyboardInterrupt if the user wants to stop."""
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = True
