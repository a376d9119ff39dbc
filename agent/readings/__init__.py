"""What a host says of itself just now: the registry of readings, and how they are taken.

Facts decide whether two results may be compared; readings decide whether to measure at all. What
a reading should be is no business of the host's: `analysis.host` judges.

    source     what a reading is, and the place it is taken from
    moment     counters at one instant; two of them make a share
    processor, memory, kernel, load, limits, network, tools
               the readings by what they are about
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import kernel, limits, load, memory, moment, network, processor, tools
from .source import NotReadable, Place, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = "host-readings/1"
INTERVAL_S = 1.0

READINGS: tuple[Reading, ...] = (
    *processor.READINGS,
    *memory.READINGS,
    *kernel.READINGS,
    *load.READINGS,
    *limits.READINGS,
    *network.READINGS,
    *tools.READINGS,
)

__all__ = ["INTERVAL_S", "READINGS", "SCHEMA", "NotReadable", "Place", "Reading", "collect", "take"]


def take(folder: Path, *, ports: tuple[int, ...] = (), uv: str | None = None) -> dict[str, Any]:
    """Watch this host for a second, then take every reading.

    Args:
        folder: the lab's, for what is said of the disk.
        ports: TCP ports that a run will want.
        uv: the program that makes the stacks' environments.
    """
    root = Path("/")
    before = moment.take(root, moment.processes())
    time.sleep(INTERVAL_S)
    # The counters first: listing the processes costs CPU time that is nobody else's.
    after = moment.take(root, {})
    after = moment.with_processes(after, moment.processes())
    return collect(Place(root, folder, ports, uv, before, after))


def collect(place: Place, readings: Iterable[Reading] = READINGS) -> dict[str, Any]:
    """Take readings: all of them, unless told which.

    Returns:
        schema, interval_s, and by key the value, its unit, and the reason where it is null: what
        cannot be read is null, never 0 and never left out.
    """
    return {
        "schema": SCHEMA,
        "interval_s": place.after.at_s - place.before.at_s,
        "readings": {reading.key: _read(reading, place) for reading in readings},
    }


def _read(reading: Reading, place: Place) -> dict[str, Any]:
    value, reason = None, None
    try:
        value = reading.read(place)
    except NotReadable as problem:
        reason = f"not readable here: {problem}"
    except FileNotFoundError as problem:
        reason = f"not readable here: there is no {problem.filename}"
    except OSError as problem:
        reason = f"not readable here: {problem.filename}: {problem.strerror}"
    except (ValueError, LookupError, subprocess.SubprocessError) as problem:
        reason = f"not readable here: {reading.source} says something else than usual: {problem!r}"
    return {"value": value, "unit": reading.unit, "reason": reason}
