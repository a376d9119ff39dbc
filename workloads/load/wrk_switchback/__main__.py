"""``python -m workloads.load.wrk_switchback SPEC.json FOLDER``: measure one block, run by run.

Leaves ``wrk_switchback.json`` of each subject in the subject's folder below FOLDER. A block that
ended early leaves it too, unless a signal ended it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bundle.generators.wrk_switchback import WrkSwitchback
from workloads.load import program
from workloads.load.switchback.spec import ready
from workloads.load.wrk_switchback import report
from workloads.load.wrk_switchback.block import WrkSettings, measure

if TYPE_CHECKING:
    from pathlib import Path

    from workloads.load.client.failure import LoadError


def _run(spec_file: Path, folder: Path) -> LoadError | None:
    settings = ready(spec_file, WrkSettings, folder, WrkSwitchback)
    block = measure(settings, folder)
    report.write(settings, block, folder)
    return block.failure


if __name__ == "__main__":
    sys.exit(
        program.run(_run, sys.argv[1:], name="wrk_switchback", early="all rounds were measured")
    )
