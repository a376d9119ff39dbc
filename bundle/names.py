"""The names a bundle uses, and the rule that every path in it obeys.

The rule is narrower than that of any file system, so that `sha256sum` lists a bundle without
escapes, plain ustar packs it, and a file system that folds case can hold it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bundle.errors import PathRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RECORD: Final = "bundle.json"
README: Final = "README.md"
MANIFEST: Final = "MANIFEST.sha256"
SEAL: Final = "SEAL.json"
SIGNATURE: Final = "SEAL.json.sig"
RO_CRATE: Final = "ro-crate-metadata.json"
DERIVED: Final = "derived"
DERIVED_MANIFEST: Final = "DERIVED.sha256"
TRIALS: Final = "trials"
TRIAL: Final = "trial.json"
INDEX: Final = "index.jsonl"
INTERRUPTIONS: Final = "interruptions.json"

PARTIAL_SUFFIX: Final = ".partial"
OPEN_SUFFIX: Final = ".open"

# Written after the manifest, which therefore cannot list them.
UNLISTED: Final = frozenset({MANIFEST, SEAL, SIGNATURE, RO_CRATE})
# Written by the bundle itself and by nothing else.
RESERVED: Final = UNLISTED | {RECORD, README, INTERRUPTIONS}

# In a ustar header the file's own name has 100 bytes and its folder 155, of which the bundle's own
# folder needs up to 64 (POSIX.1-2017, pax, ustar interchange format).
FILE_LENGTH: Final = 100
FOLDER_LENGTH: Final = 90

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@,-]*")


def check_path(path: str) -> str:
    """Return a relative path if a bundle may hold a file there.

    Raises:
        PathRefusedError: it is absolute, empty or too long; or a part of it does not start with a
            letter, digit or underscore, or has characters other than those and ``.+=@,-``.
    """
    folder, _, name = path.rpartition("/")
    if not all(_SEGMENT.fullmatch(segment) for segment in path.split("/")):
        why = "has a part that is empty, starts with a dot or dash, or uses other characters"
    elif len(name) > FILE_LENGTH or len(folder) > FOLDER_LENGTH:
        why = f"is longer than {FOLDER_LENGTH} characters of folder and {FILE_LENGTH} of name"
    else:
        return path
    raise PathRefusedError(
        f"the name {why}",
        where=printable(path),
        hint="use letters, digits and _.+=@,- and start each part with a letter, digit or _",
    )


def collisions(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each pair of paths that are one path on a file system which folds case.

    Folders count as well: ``a/x`` and ``A/y`` collide as ``a`` and ``A``.
    """
    seen: dict[str, str] = {}
    for path in paths:
        end = 0
        while end != len(path):
            end = path.find("/", end + 1)
            end = len(path) if end < 0 else end
            prefix = path[:end]
            first = seen.setdefault(prefix.casefold(), prefix)
            if first != prefix:
                yield first, prefix
                break


def printable(path: str) -> str:
    """Return a name or message as ASCII, in a form that any terminal or JSON encoder accepts."""
    return ascii(path)[1:-1]
