"""Files that are there whole or not at all, and the instants that stand in them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, value: object) -> None:
    """Write a JSON document, or the type of one, with `write_file`."""
    write_file(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def utc_now() -> str:
    """The wall clock as ISO 8601 in UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
