"""What load that switches between living services asks of its programs, whichever it is."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from agent.files import write_json
from agent.generators.base import Command, Commands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.generators.base import Target
    from bundle.generators.open_switchback import OpenSwitchbackLoad
    from bundle.generators.slices import SlicedReport
    from bundle.generators.switchback import SwitchbackLoad
    from bundle.generators.wrk_switchback import WrkSwitchbackLoad

_MOST_PER_EXPECTED = 2.0  # where answers are slow, more of the time goes by outside of the slices
_WAITS = 4  # for answers of a slow subject: at both ends of its warm-up and of a single slice


def commands(
    load: SwitchbackLoad | WrkSwitchbackLoad | OpenSwitchbackLoad,
    targets: Sequence[Target],
    *,
    name: str,
    own: Mapping[str, object],
    report: type[SlicedReport],
    longest_s: float,
) -> Commands:
    """One run of a module of ``workloads.load``, with a folder for each subject's files.

    Args:
        load: of the plan.
        targets: the services.
        name: of the module.
        own: its settings beyond `workloads.load.switchback.spec.BlockSettings`.
        report: what it leaves in each folder.
        longest_s: of the slices that the warm-up may choose.
    """
    first = targets[0]
    folder = first.runs_in
    takes_s = load.takes_s(len(targets))
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
        "readers": dict(first.readers),
        "connections": load.connections,
        "duration_s": load.duration_s,
        "slice_s": load.slice_s,
        "limit_s": takes_s,
        "warmup_s": load.warmup_s,
        "timeout_s": load.timeout_s,
        "seed": first.sent.seed,
        "table": first.table,
        "repeatable": first.sent.tables.repeatable,
        **own,
    }
    spec = folder / f"{name}.spec.json"
    write_json(spec, settings)
    slowest_s = _WAITS * load.timeout_s + longest_s
    command = Command(
        name,
        [sys.executable, "-m", f"workloads.load.{name}", str(spec), str(folder)],
        _MOST_PER_EXPECTED * takes_s + len(targets) * slowest_s,
        folder / f"{name}.stderr.txt",
        folder / f"{name}.stdout.txt",
        tuple(target.folder / report.PATH for target in targets),
        tuple(first.readers.values()),
    )
    return Commands(command)
