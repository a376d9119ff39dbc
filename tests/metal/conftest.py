"""The time of each step stands at the end of the run."""

from __future__ import annotations

import time
from contextlib import contextmanager

_steps: list[tuple[str, float]] = []


def pytest_terminal_summary(terminalreporter):
    for name, seconds in _steps:
        terminalreporter.write_line(f"T4b: {name}: {seconds:.0f} s")


@contextmanager
def step(name):
    """Take the time of a step."""
    started = time.monotonic()
    yield
    _steps.append((name, time.monotonic() - started))
