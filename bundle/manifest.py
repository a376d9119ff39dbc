"""Lists of files and their SHA-256, in the format that `sha256sum --check` reads.

Each file has one line: 64 hex digits, two spaces, the relative path, a newline. The lines are
sorted by path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from bundle.errors import PathRefusedError
from bundle.names import check_path, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINE = re.compile(rb"([0-9a-f]{64})  ([\x20-\x7e]+)")


class Flaw(NamedTuple):
    """One fault of a list: its kind, and its line from 1."""

    kind: Literal["malformed", "escapes", "unsorted", "duplicate"]
    line: int
    detail: str


class Listing(NamedTuple):
    """A list that was read: the digest of each path, and its faults."""

    digests: dict[str, str]
    flaws: list[Flaw]


def render(digests: Mapping[str, str]) -> bytes:
    """Return the list of files with these digests, SHA-256 in hex by relative path.

    Raises:
        PathRefusedError: a bundle may not hold a file of such a path.
    """
    return "".join(f"{digests[path]}  {check_path(path)}\n" for path in sorted(digests)).encode()


def parse(data: bytes) -> Listing:
    """Read a list: keep every line that can be understood, and name each that cannot."""
    digests: dict[str, str] = {}
    flaws: list[Flaw] = []
    lines = data.split(b"\n")
    if lines.pop():
        flaws.append(Flaw("malformed", len(lines) + 1, "the last line has no newline"))
    latest = ""
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if not match:
            flaws.append(Flaw("malformed", number, "not a digest, two spaces and a name"))
            continue
        path = match[2].decode("ascii")
        if path.startswith("/") or ".." in path.split("/"):
            flaws.append(Flaw("escapes", number, printable(path)))
        elif not _allowed(path):
            flaws.append(Flaw("malformed", number, f"a bundle cannot hold {printable(path)}"))
        elif path in digests:
            flaws.append(Flaw("duplicate", number, path))
        else:
            if path < latest:
                flaws.append(Flaw("unsorted", number, path))
            latest = path
            digests[path] = match[1].decode("ascii")
    return Listing(digests, flaws)


def _allowed(path: str) -> bool:
    try:
        check_path(path)
    except PathRefusedError:
        return False
    return True
