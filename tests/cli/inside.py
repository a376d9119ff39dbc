"""The program's own entry point, in the process of the tests: what it loads takes seconds."""

from __future__ import annotations

import io
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace
from unittest.mock import patch

from ormlab.cli import main


def ormlab(*arguments, code=0):
    """What a command line prints; it must end with this exit code."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    # The program takes them for interruptions from then on.
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    ended = None
    argv = ["ormlab", *map(str, arguments)]
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", argv):
        try:
            main()
        except SystemExit as ending:
            ended = ending.code
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    said, complained = (stream.buffer.getvalue().decode() for stream in (out, err))
    assert ended == code, complained
    return SimpleNamespace(stdout=said, stderr=complained)
