"""The tables of codes as they stand in the documentation."""

from __future__ import annotations

from bundle import codes
from ormlab.archive import codes as archive_codes


def of_bundles(levels=codes.FILE_LEVELS):
    """The codes of some levels."""
    rows = ["| code | level | what it says | what to do |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {c.level}{' (doubt)' if c.is_doubt else ''} | {c.message} | {c.hint} |"
        for name, c in codes.CODES.items()
        if c.level in levels
    ]
    return "\n".join(rows) + "\n"


def of_archives():
    rows = ["| code | what it says | what to do |", "|---|---|---|"]
    rows += [f"| `{name}` | {c.message} | {c.hint} |" for name, c in archive_codes.CODES.items()]
    return "\n".join(rows) + "\n"
