"""``python -m workloads.services.traced FOLDER CAPTURE PYTHON -m MODULE ...``: trace its memory.

FOLDER has the packages of memray. It is searched after those of the stack, so that every package
that the service has in its stack is the stack's. CAPTURE takes the trace when the module ends.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from typing import Any


def main(argv: list[str]) -> None:
    """Run the module, and trace every allocation from its first import on."""
    packages, capture, _python, _m, module, *arguments = argv
    sys.path.append(packages)
    memray: Any = importlib.import_module("memray")
    sys.argv = [module, *arguments]
    with memray.Tracker(
        destination=memray.FileDestination(capture, overwrite=True),
        trace_python_allocators=True,
        file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS,
    ):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
