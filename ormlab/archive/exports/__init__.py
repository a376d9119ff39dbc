"""A bundle in the forms that other tools read; docs/exports.md says what each is good for.

    source        what all are made from: a bundle that reaches L1
    crate         a folder: the bundle, described as an RO-Crate
    bag           a folder: the bundle as the payload of a bag
    openmetrics   a file: one sample for each trial and metric
    in_toto       a file: a statement over the seal

The same bundle gives the same bytes. Nothing that is there is replaced, and nothing is left of an
export that did not come to its end. What a maker wrote into a bundle is data here: each library
escapes it for its format.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bundle import storage
from ormlab.archive.errors import EntryError
from ormlab.archive.exports import bag, crate, in_toto, openmetrics
from ormlab.archive.exports.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Form(StrEnum):
    """The forms, by the names that users give."""

    RO_CRATE = "ro-crate"
    BAGIT = "bagit"
    OPENMETRICS = "openmetrics"
    IN_TOTO = "in-toto"


_WRITERS: Final[dict[Form, Callable[[Source, Path], None]]] = {
    Form.RO_CRATE: crate.write,
    Form.BAGIT: bag.write,
    Form.OPENMETRICS: openmetrics.write,
    Form.IN_TOTO: in_toto.write,
}


def export(bundle: Path, form: Form, out: Path) -> None:
    """Write a bundle in another form.

    Args:
        bundle: its folder.
        form: which.
        out: the file or folder to make.

    Raises:
        BundleError: it is no bundle, is not sealed, or does not reach L1.
        EntryError: something is at that place already.
        DiskFullError: there was no room.
    """
    if out.exists() or out.is_symlink():
        hint = "name a place that is free; an export replaces nothing"
        raise EntryError("export-exists", "there is something already", where=str(out), hint=hint)
    source = Source.open(bundle)
    staged = out.with_name(f".{out.name}.tmp")
    with storage.guard(out, hint="free some space and export it again"):
        _remove(staged)
        try:
            _WRITERS[form](source, staged)
            storage.sync(staged)
            staged.rename(out)
        finally:
            _remove(staged)
        storage.sync(out.parent)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
