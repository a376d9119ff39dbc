"""``python -m workloads.load.switchback SPEC.json FOLDER``: measure one block, slice by slice.

Leaves ``switchback.json``, ``samples.bin`` and ``service.hdr`` of each subject in the subject's
folder below FOLDER. Ends with 0 only if every round was measured; else with 8 and one line of JSON
on standard error: code, what, where, hint. A block that ended early leaves its files too, unless a
signal ended it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Never

import uvloop

from bundle.generators.switchback import Switchback
from workloads.load.client import rows
from workloads.load.client.failure import EXIT_CODE, LoadError, unwritable
from workloads.load.client.process import die_with_parent
from workloads.load.switchback import report
from workloads.load.switchback.block import measure
from workloads.load.switchback.spec import read_settings

if TYPE_CHECKING:
    from types import FrameType


def main(arguments: list[str]) -> int:
    """Measure; return the exit code."""
    if len(arguments) != 2:  # noqa: PLR2004 - a spec and a folder
        sys.stderr.write("usage: python -m workloads.load.switchback SPEC.json FOLDER\n")
        return 2
    signal.signal(signal.SIGTERM, _terminate)
    die_with_parent(signal.SIGKILL, os.getppid())
    try:
        failure = _run(Path(arguments[0]), Path(arguments[1]))
    except LoadError as failed:
        failure = failed
    if failure is not None:
        sys.stderr.write(failure.line() + "\n")
        return EXIT_CODE
    return 0


def _run(spec_file: Path, folder: Path) -> LoadError | None:
    settings = read_settings(spec_file)
    if settings.cpu is not None:
        _pin(settings.cpu)
    try:
        for target in settings.subjects:
            (folder / target.folder).mkdir(parents=True, exist_ok=True)
            (folder / target.folder / Switchback.PATH).unlink(missing_ok=True)
        tables = [rows.load(settings.closed_loop(each), 0) for each in settings.subjects]
        gc.disable()  # nothing here makes cycles, and a pause would pass for the service's
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                block = runner.run(measure(settings, tables))
        except asyncio.CancelledError:
            _terminate(signal.SIGTERM, None)
        signal.signal(signal.SIGTERM, _terminate)  # the loop had its own
        report.write(settings, block, folder)
    except OSError as refused:
        return unwritable(refused, folder)
    return block.failure


def _pin(cpu: int) -> None:
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as refused:
        raise LoadError(
            "spec", f"CPU {cpu} cannot be used: {refused}", where="cpu", hint="see nproc"
        ) from None


def _terminate(_number: int, _frame: FrameType | None) -> Never:
    raise LoadError(
        "terminated",
        "the load was told to end before all rounds were measured",
        where="SIGTERM",
        hint="whoever started it ended it: see there",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
