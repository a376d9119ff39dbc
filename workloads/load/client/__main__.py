"""``python -m workloads.load.client SPEC.json OUTDIR``: measure one window of one load.

Leaves ``client.json``, ``samples.bin`` and the histograms ``response.hdr``, ``service.hdr`` and, in
an open loop, ``dispatch.hdr``. Ends with 0 only if the whole window was measured; else with 8 and
one line of JSON on standard error: code, what, where, hint. A window that ended early leaves its
files too.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Never

from workloads.load.client import report
from workloads.load.client.failure import EXIT_CODE, LoadError, unwritable
from workloads.load.client.parent import measure
from workloads.load.client.process import die_with_parent
from workloads.load.client.spec import read_spec

if TYPE_CHECKING:
    from types import FrameType


def main(arguments: list[str]) -> int:
    """Run the client; return its exit code."""
    if len(arguments) != 2:  # noqa: PLR2004 - a spec and a folder
        sys.stderr.write("usage: python -m workloads.load.client SPEC.json OUTDIR\n")
        return 2
    signal.signal(signal.SIGTERM, _terminate)
    try:
        die_with_parent(signal.SIGTERM, os.getppid())
        failure = _run(Path(arguments[0]), Path(arguments[1]))
    except LoadError as failed:
        failure = failed
    if failure is not None:
        sys.stderr.write(failure.line() + "\n")
        return EXIT_CODE
    return 0


def _run(spec_file: Path, folder: Path) -> LoadError | None:
    spec = read_spec(spec_file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / report.FILE).unlink(missing_ok=True)
        window, parts = measure(spec, folder)
        return report.write(spec, window, parts, folder)
    except OSError as refused:
        return unwritable(refused, folder)


def _terminate(_number: int, _frame: FrameType | None) -> Never:
    raise LoadError(
        "terminated",
        "the client was told to end before its window was measured",
        where="SIGTERM",
        hint="whoever started it ended it: see there",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
