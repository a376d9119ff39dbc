"""``python -m workloads.load.open_switchback SPEC.json FOLDER``: measure one block, turn by turn.

Leaves ``open_switchback.json``, ``samples.bin`` and the histograms ``response.hdr``,
``service.hdr`` and ``dispatch.hdr`` of each subject in the subject's folder below FOLDER. A block
that ended early leaves its files too, unless a signal ended it.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from bundle.generators.open_switchback import OpenSwitchback
from workloads.load import program
from workloads.load.client import rows
from workloads.load.client.process import pin
from workloads.load.open_switchback import report
from workloads.load.open_switchback.block import OpenSettings, measure
from workloads.load.switchback.spec import ready

if TYPE_CHECKING:
    from pathlib import Path

    from workloads.load.client.failure import LoadError


def _run(spec_file: Path, folder: Path) -> LoadError | None:
    settings = ready(spec_file, OpenSettings, folder, OpenSwitchback)
    if settings.cpu is not None:
        pin([settings.cpu])
    tables = [rows.load(settings.open_loop(each), 0) for each in settings.subjects]
    gc.disable()  # nothing here makes cycles, and a pause would pass for the service's
    block = program.in_loop(measure(settings, tables))
    report.write(settings, block, folder)
    return block.failure


if __name__ == "__main__":
    sys.exit(
        program.run(_run, sys.argv[1:], name="open_switchback", early="all rounds were measured")
    )
