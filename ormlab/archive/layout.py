"""What lies under which name in an object store; each name is written once.

ormlab-store.json                what this is: the same few bytes in every store
bundles/sha256/<digest>.tar.zst  one bundle, packed, under the digest of the file
seals/<seal>.json                which of them a seal stands in (`Stored`)
index/<nnnnnnnn>.jsonl           lines of the archive's index from line n on, one a push
elsewhere.json                   what a store in a git repository leaves to its history
                                 (`Elsewhere`); the only one that is written by hand
"""

import re
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from bundle.codec import Part, Record
from bundle.values import BundleId, Commit, Sha256

INDEX: Final = "index"
ELSEWHERE: Final = "elsewhere.json"
# It becomes part of a line that people paste into a shell.
_FOLDER: Final = r"\A[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*\Z"
_SEGMENT: Final = re.compile(r"index/(\d{8})\.jsonl")


class Stored(Record, frozen=True, kw_only=True):
    """``seals/<seal>.json``: where a bundle lies in the store."""

    SCHEMA: ClassVar[str] = "stored/1"

    schema: Literal["stored/1"] = "stored/1"
    id: BundleId
    seal: Sha256
    archive: Sha256  #: SHA-256 of the packed bundle, which is also its name
    size: Annotated[int, Meta(ge=0)]  #: of the packed bundle, in bytes


class MovedBundle(Part, frozen=True, kw_only=True):
    """A packed bundle that is not in the store but in the tree of a commit."""

    id: BundleId
    archive: Sha256
    commit: Commit


class Elsewhere(Record, frozen=True, kw_only=True):
    """``elsewhere.json``: what a store in a git repository leaves to the repository's history.

    It names each packed bundle with a commit whose tree still has it. Seals and index stay in the
    store. A packed bundle is named by its digest, so what comes out of the history is verified like
    what comes from a store.
    """

    SCHEMA: ClassVar[str] = "elsewhere/1"

    schema: Literal["elsewhere/1"] = "elsewhere/1"
    #: of the store in the repository, at each of the commits
    folder: Annotated[str, Meta(pattern=_FOLDER, max_length=200)]
    bundles: tuple[MovedBundle, ...]  #: what is not in the store, sorted by id

    def path(self, moved: MovedBundle) -> str:
        """The path of a packed bundle in the tree of its commit."""
        return f"{self.folder}/{packed(moved.archive)}"

    def by_archive(self) -> dict[str, MovedBundle]:
        """The bundles by the digest of their packed form."""
        return {each.archive: each for each in self.bundles}


def packed(digest: str) -> str:
    """Return the name of a packed bundle."""
    return f"bundles/sha256/{digest}.tar.zst"


def seal(digest: str) -> str:
    """Return the name of what says where the bundle of a seal lies."""
    return f"seals/{digest}.json"


def segment(first: int) -> str:
    """Return the name of the piece of the index that begins with a line, counted from 1."""
    return f"{INDEX}/{first:08d}.jsonl"


def segment_start(name: str) -> int | None:
    """Return the number of the line that a piece of the index begins with."""
    found = _SEGMENT.fullmatch(name)
    return int(found[1]) if found else None
