"""``python -m workloads.load.client SPEC.json FOLDER``: measure one window of one load.

Leaves ``client.json``, ``samples.bin`` and the histograms ``response.hdr``, ``service.hdr`` and, in
an open loop, ``dispatch.hdr``. A window that ended early leaves its files too.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from workloads.load import program
from workloads.load.client import report
from workloads.load.client.parent import measure
from workloads.load.client.spec import read_spec

if TYPE_CHECKING:
    from pathlib import Path

    from workloads.load.client.failure import LoadError


def _run(spec_file: Path, folder: Path) -> LoadError | None:
    spec = read_spec(spec_file)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / report.FILE).unlink(missing_ok=True)
    window, parts = measure(spec, folder)
    return report.write(spec, window, parts, folder)


if __name__ == "__main__":
    sys.exit(program.run(_run, sys.argv[1:], name="client", early="its window was measured"))
