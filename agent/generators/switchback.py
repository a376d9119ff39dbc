"""Load that switches between services that are all alive, which it also warms up."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from agent.files import write_json
from agent.generators.base import Command, Commands
from bundle.generators.switchback import SLICES_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.generators.base import Target
    from bundle.generators.switchback import SwitchbackLoad

_HASH_FRACTION = 0.01  # of the answers
_MOST_PER_EXPECTED = 2.0  # where answers are slow, more of the time goes by outside of the slices
_WAITS = 4  # for answers of a slow subject: at both ends of its warm-up and of a single slice


def commands(load: SwitchbackLoad, targets: Sequence[Target]) -> Commands:
    """One run of ``workloads.load.switchback``, with a folder for each subject's files."""
    first = targets[0]
    folder = first.runs_in
    settings = {
        "subjects": [
            {
                "subject": target.name,
                "host": target.service.host,
                "port": target.service.port,
                "folder": os.path.relpath(target.folder, folder),
                "service_pid": target.service.pid,
            }
            for target in targets
        ],
        "server_pid": first.server_pid,
        "cpu": first.cpus[0],
        "connections": load.connections,
        "duration_s": load.duration_s,
        "slice_s": load.slice_s,
        "warmup_s": load.warmup_s,
        "timeout_s": load.timeout_s,
        "seed": first.sent.seed,
        "table": first.table,
        "repeatable": first.sent.tables.repeatable,
        "hash_fraction": _HASH_FRACTION,
    }
    spec = folder / "switchback.spec.json"
    write_json(spec, settings)
    argv = [sys.executable, "-m", "workloads.load.switchback", str(spec), str(folder)]
    reports = tuple(target.folder / "switchback.json" for target in targets)
    slowest_s = _WAITS * load.timeout_s + SLICES_S[-1]
    command = Command(
        "switchback",
        argv,
        _MOST_PER_EXPECTED * load.takes_s(len(targets)) + len(targets) * slowest_s,
        folder / "switchback.stderr.txt",
        folder / "switchback.stdout.txt",
        reports,
    )
    return Commands(command)
