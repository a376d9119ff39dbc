"""The catalog of an archive: one Parquet file, one row per trial and metric, from bundles alone.

The same bundles give the same bytes with the same version of pyarrow: rows are sorted, row groups
have a fixed length, the writer's settings are fixed, and nothing says when it was built. It is
always built as a whole, a row group at a time, so memory does not follow the number of bundles.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from analysis import catalog
from bundle import tables, tree
from bundle.read import Bundle
from ormlab.archive import keep
from ormlab.archive.entries import Archive
from ormlab.archive.errors import EntryError, MismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.format import IndexLine

NAME: Final = "catalog.parquet"
_GROUP: Final = 2**13
_LEVEL: Final = 3
_INDEX: Final = b"ormlab.index"
_VERSION: Final = b"ormlab.schema"


@dataclass(frozen=True)
class WrittenCatalog:
    """A catalog that was written, of how many bundles and with how many rows."""

    path: Path
    bundles: int
    rows: int
    sha256: str


def build(folder: Path) -> WrittenCatalog:
    """Write the catalog of an archive anew, from the bundles that are here.

    Raises:
        EntryError: there is no archive.
        IndexBrokenError: its index was changed.
        VerificationError, NotSealedError: a bundle does not reach L1.
        MismatchError: a bundle is not the one of its line.
        DiskFullError: there was no room; the old catalog is still there.
    """
    archive = Archive.open(folder)
    archive.require_chain()
    lines = sorted(archive.lines(), key=lambda line: line.id)
    here = [line for line in lines if (folder / line.id).is_dir()]
    path = folder / NAME
    with keep.staged(path, hint="free some space and build it again") as staged:
        count = _write(staged, folder, here, _digest(archive))
        digest = tree.digest(staged)
    return WrittenCatalog(path, len(here), count, digest)


def load(folder: Path) -> tuple[pa.Table, bool]:
    """Read the catalog of an archive, with its page checksums.

    Returns:
        The table, and whether it was built from the index as it is now.

    Raises:
        EntryError: there is no archive, or no catalog.
        MismatchError: the file is damaged, or of another version.
    """
    archive = Archive.open(folder)
    path = folder / NAME
    if not path.exists():
        hint = "build it: `ormlab catalog build`"
        raise EntryError("catalog-missing", "there is no catalog", where=str(path), hint=hint)
    try:
        table = tables.read(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        what = f"the catalog cannot be read: {str(error).splitlines()[0]}"
        raise _unusable(path, what) from error
    metadata = table.schema.metadata or {}
    if metadata.get(_VERSION) != catalog.VERSION.encode():
        raise _unusable(path, f"the catalog is not a {catalog.VERSION}")
    return table, metadata.get(_INDEX) == _digest(archive)


def _write(path: Path, folder: Path, lines: list[IndexLine], digest: bytes) -> int:
    schema = catalog.SCHEMA.with_metadata({_VERSION: catalog.VERSION.encode(), _INDEX: digest})
    count = 0
    with pq.ParquetWriter(
        path,
        schema,
        version="2.6",
        compression="zstd",
        compression_level=_LEVEL,
        write_statistics=True,
        write_page_checksum=True,
    ) as writer:
        for rows in batched(_rows(folder, lines), _GROUP, strict=False):
            writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))
            count += len(rows)
    return count


def _rows(folder: Path, lines: list[IndexLine]) -> Iterator[catalog.Row]:
    for line in lines:
        bundle = Bundle.open(folder / line.id, level="L1")
        if bundle.seal != line.seal:
            what = f"the bundle {line.id} has another seal than the index says"
            hint = "see `ormlab archive verify`"
            raise MismatchError("entry-replaced", what, where=str(bundle.path), hint=hint)
        yield from catalog.rows(bundle)


def _digest(archive: Archive) -> bytes:
    return hashlib.sha256(archive.index()).hexdigest().encode()


def _unusable(path: Path, what: str) -> MismatchError:
    hint = "build it anew from the bundles: `ormlab catalog build`"
    return MismatchError("catalog-unusable", what, where=str(path), hint=hint)
