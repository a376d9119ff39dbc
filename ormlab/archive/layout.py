"""What lies under which name in an object store; each name is written once.

ormlab-store.json                what this is: the same few bytes in every store
bundles/sha256/<digest>.tar.zst  one bundle, packed, under the digest of the file
seals/<seal>.json                which of them a seal stands in (`Stored`)
index/<nnnnnnnn>.jsonl           lines of the archive's index from line n on, one a push
"""

import re
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from bundle.codec import Record
from bundle.values import BundleId, Sha256

INDEX: Final = "index"
_SEGMENT: Final = re.compile(r"index/(\d{8})\.jsonl")


class Stored(Record, frozen=True, kw_only=True):
    """``seals/<seal>.json``: where a bundle lies in the store.

    Attributes:
        schema: the version of this format.
        id: the bundle's id.
        seal: SHA-256 of its SEAL.json.
        archive: SHA-256 of the packed bundle, which is also its name.
        size: of the packed bundle, in bytes.
    """

    SCHEMA: ClassVar[str] = "stored/1"

    schema: Literal["stored/1"] = "stored/1"
    id: BundleId
    seal: Sha256
    archive: Sha256
    size: Annotated[int, Meta(ge=0)]


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
