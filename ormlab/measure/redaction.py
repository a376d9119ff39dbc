"""Taking out of what a bundle keeps whatever tells whose host it was made on.

Values are read from the host (`agent.owner`) and replaced by ``[redacted <kind>]`` wherever they
stand in a text, packed or not. Tables and histograms hold numbers only. What decides a run, below
inputs/, stays as it is: its digests are named elsewhere.

Paths, addresses and secrets are replaced wherever they stand as a whole. Names are words, so more
care is taken: names that an image ships with say nothing and stay, and so does a name that stands
alone between double quotes, which is a word of the record's own (a user may be called ``service``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

import zstandard

from ormlab.bundle.format import Redaction
from ormlab.bundle.tree import scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KINDS: Final = {
    "secret": "a password, or the value of an environment variable that holds one",
    "lab folder": "the folder of the lab on the host",
    "checkout": "the folder of the lab's checkout",
    "home folder": "the home folder of a user",
    "address": "an address of the host: of its network, its hardware, or its own number",
    "name": "the name of the host or of a user",
}
"""What is replaced, by the word that takes its place, in the order in which it is looked for."""

_COMMON: Final = frozenset(
    {"admin", "debian", "host", "localhost", "nobody", "postgres", "root", "runner", "server"}
    | {"ubuntu", "user"}
)
_NOWHERE: Final = frozenset({"127.0.0.1", "::1", "00:00:00:00:00:00"})
_SHORTEST: Final = {"secret": 6, "name": 4, "address": 3}
_NUMBERS: Final = frozenset({".parquet", ".hdr"})
_UNTOUCHED: Final = "inputs/"
_PACKED: Final = ".zst"
# What may not stand beside a value, before and after it: it would be a part of something longer.
_BESIDE: Final = {
    "address": (rb"(?<![0-9A-Za-z.:])", rb"(?![0-9A-Za-z]|[.:][0-9A-Fa-f])"),
    "name": (rb"(?<![0-9A-Za-z_.-])", rb"(?![0-9A-Za-z_-])"),
    "secret": (b"", b""),
}
_ADDRESS_AND_PORT: Final = (rb"(?<![0-9.])", rb"(?![0-9]|\.[0-9])")  # of IPv4
_PATH: Final = (rb"(?<![0-9A-Za-z_.-])", rb"(?![0-9A-Za-z_-])")
_MARK: Final = re.compile(rb"\[redacted (" + "|".join(KINDS).encode() + rb")\]")


@dataclass(frozen=True)
class Redactor:
    """Replaces the values that it knows.

    Attributes:
        values: to be replaced, by kind.
    """

    values: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def knowing(self, more: Mapping[str, Iterable[str]]) -> Redactor:
        """One that knows more values; those that say nothing are left out."""
        known = {kind: set(values) for kind, values in self.values.items()}
        for kind, values in more.items():
            known.setdefault(kind, set()).update(v for v in values if _says_something(kind, v))
        return Redactor({kind: frozenset(values) for kind, values in known.items()})

    def clean(self, path: str, data: bytes) -> bytes:
        """Return what a file of the bundle is to hold instead; the same bytes if nothing is in it.

        Args:
            path: in the bundle; decides how the file is read.
            data: its bytes.
        """
        if not _is_text(path):
            return data
        if not path.endswith(_PACKED):
            return self._replace(data)
        text = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        cleaned = self._replace(text)
        return data if cleaned == text else zstandard.ZstdCompressor().compress(cleaned)

    def clean_folder(self, folder: Path) -> None:
        """Clean every file below a folder of the bundle that is still open."""
        for path in (folder / entry.path for entry in scan(folder) if entry.kind == "file"):
            data = path.read_bytes() if _is_text(path.name) else b""
            if (cleaned := self.clean(path.name, data)) != data:
                path.write_bytes(cleaned)

    def _replace(self, data: bytes) -> bytes:
        for kind in KINDS:
            if pattern := _pattern(kind, self.values.get(kind, frozenset())):
                data = pattern.sub(f"[redacted {kind}]".encode(), data)
        return data


def declared(folder: Path) -> tuple[Redaction, ...]:
    """Say of every file of a bundle that is about to be sealed what was replaced in it."""
    found = []
    for path in (entry.path for entry in scan(folder) if entry.kind == "file"):
        if _is_text(path):
            data = (folder / path).read_bytes()
            if path.endswith(_PACKED):
                data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
            kinds = {match[1].decode() for match in _MARK.finditer(data)}
            if kinds:
                said = "; ".join(KINDS[kind] for kind in KINDS if kind in kinds)
                found.append(Redaction(path=path, reason=f"replaced: {said}"))
    return tuple(found)


def _is_text(path: str) -> bool:
    return not (path.startswith(_UNTOUCHED) or any(path.endswith(end) for end in _NUMBERS))


def _says_something(kind: str, value: str) -> bool:
    if (kind == "name" and value.lower() in _COMMON) or value in _NOWHERE or value.isdecimal():
        return False
    return value.strip("/") != "" and len(value) >= _SHORTEST.get(kind, 2)


@cache
def _pattern(kind: str, values: frozenset[str]) -> re.Pattern[bytes] | None:
    """One that matches each value as a whole, as plain text and as it stands in JSON."""
    alternatives = []
    for value in sorted(values, key=lambda value: (-len(value), value)):
        before, after = _BESIDE.get(kind, _PATH)
        if kind == "address" and ":" not in value:
            before, after = _ADDRESS_AND_PORT
        for spelling in dict.fromkeys((value, json.dumps(value)[1:-1])):
            word = re.escape(spelling.encode())
            alone = b'(?<!")' + word + b"|" + word + b'(?!")' if kind == "name" else word
            alternatives.append(before + b"(?:" + alone + b")" + after)
    flags = re.IGNORECASE if kind in {"address", "name"} else 0
    return re.compile(b"|".join(alternatives), flags) if alternatives else None
