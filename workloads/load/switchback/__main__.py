"""``python -m workloads.load.switchback SPEC.json FOLDER``: measure one block, slice by slice.

Leaves ``switchback.json``, ``samples.bin`` and ``service.hdr`` of each subject in the subject's
folder below FOLDER. A block that ended early leaves its files too, unless a signal ended it.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from bundle.generators.switchback import Switchback
from workloads.load import program
from workloads.load.client import rows
from workloads.load.client.process import pin
from workloads.load.switchback import report
from workloads.load.switchback.block import measure
from workloads.load.switchback.spec import BlockSpec, ready

if TYPE_CHECKING:
    from pathlib import Path

    from workloads.load.client.failure import LoadError


def _run(spec_file: Path, folder: Path) -> LoadError | None:
    settings = ready(spec_file, BlockSpec, folder, Switchback)
    if settings.cpu is not None:
        pin([settings.cpu])
    tables = [rows.load(settings.closed_loop(each), 0) for each in settings.subjects]
    gc.disable()  # nothing here makes cycles, and a pause would pass for the service's
    block = program.in_loop(measure(settings, tables))
    report.write(settings, block, folder)
    return block.failure


if __name__ == "__main__":
    sys.exit(program.run(_run, sys.argv[1:], name="switchback", early="all rounds were measured"))
