"""What `verify` can find, by stable code: this table is the only place where codes are made.

The table in docs/bundle-format.md is `markdown()`; a test compares the two, and breaks a bundle
for every code. A code never changes its meaning; one that is no longer used is not given away.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

type Level = Literal["L0", "L1"]

LEVELS: Final[tuple[Level, ...]] = ("L0", "L1")


class Code(NamedTuple):
    """One kind of finding: at which level, what it says, and what to do."""

    level: Level
    message: str
    hint: str


_RUN = "it is the record of a run that has not ended: resume the run, or look without a seal"
_AGAIN = "fetch the bundle again from where it came; if it is the same there, do not rely on it"
_ODD = "a bundle holds regular files only: remove it if it was put there, else fetch again"
_JUDGE = "judge the bundle again: derived/ is made from the rest and may always be replaced"

CODES: Final[dict[str, Code]] = {
    "not-a-bundle": Code("L0", "this is not a folder", "name the folder that holds SEAL.json"),
    "seal-missing": Code("L0", "there is no SEAL.json", _RUN),
    "seal-unfinished": Code("L0", "the folder still has the name of an unsealed run", _RUN),
    "seal-malformed": Code("L0", "SEAL.json cannot be read as a seal", _AGAIN),
    "seal-disagrees": Code("L0", "SEAL.json and bundle.json differ in time or tool", _AGAIN),
    "record-missing": Code("L0", "there is no bundle.json", _AGAIN),
    "record-malformed": Code("L0", "bundle.json cannot be read as a record", _AGAIN),
    "record-changed": Code("L0", "bundle.json is not the one that was sealed", _AGAIN),
    "manifest-missing": Code("L0", "there is no MANIFEST.sha256", _AGAIN),
    "manifest-unreadable": Code("L0", "MANIFEST.sha256 cannot be read", _AGAIN),
    "manifest-changed": Code("L0", "MANIFEST.sha256 is not the one that was sealed", _AGAIN),
    "manifest-malformed": Code("L1", "a line of MANIFEST.sha256 is malformed", _AGAIN),
    "manifest-escapes": Code("L1", "MANIFEST.sha256 names a path outside the bundle", _AGAIN),
    "manifest-reserved": Code("L1", "MANIFEST.sha256 lists what it cannot list", _AGAIN),
    "manifest-unsorted": Code("L1", "MANIFEST.sha256 is not sorted", _AGAIN),
    "manifest-duplicate": Code("L1", "MANIFEST.sha256 lists a file twice", _AGAIN),
    "file-missing": Code("L1", "the manifest lists a file that is not there", _AGAIN),
    "file-extra": Code("L1", "there is a file that the manifest does not list", _ODD),
    "file-changed": Code("L1", "the file's digest differs from the manifest", _AGAIN),
    "file-unreadable": Code("L1", "this cannot be read", "check the disk, permissions and length"),
    "file-symlink": Code("L1", "this is a symbolic link", _ODD),
    "file-special": Code("L1", "this is a device, fifo or socket", _ODD),
    "folder-empty": Code("L1", "this folder is empty, which no manifest can say", _ODD),
    "case-collision": Code("L1", "two names differ only in case", _ODD),
    "derived-unlisted": Code("L1", "derived/ has no DERIVED.sha256", _JUDGE),
    "derived-malformed": Code("L1", "DERIVED.sha256 is malformed", _JUDGE),
    "derived-foreign": Code("L1", "derived/ was made from another seal", _JUDGE),
    "derived-missing": Code("L1", "DERIVED.sha256 lists a file that is not there", _JUDGE),
    "derived-extra": Code("L1", "there is a file that DERIVED.sha256 does not list", _JUDGE),
    "derived-changed": Code("L1", "the file's digest differs from DERIVED.sha256", _JUDGE),
}


def markdown() -> str:
    """Return the table of codes as it stands in the documentation."""
    rows = ["| code | level | what it says | what to do |", "|---|---|---|---|"]
    rows += [f"| `{name}` | {c.level} | {c.message} | {c.hint} |" for name, c in CODES.items()]
    return "\n".join(rows) + "\n"
