"""JSON files that a crash leaves whole or not at all, and the time stamps in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from bundle.storage import write_file

if TYPE_CHECKING:
    from pathlib import Path


def write_json(path: Path, value: object) -> None:
    """Write a JSON document, or the type of one."""
    write_file(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def utc_now() -> str:
    """The wall clock as ISO 8601 in UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
