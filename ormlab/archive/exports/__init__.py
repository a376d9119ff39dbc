"""A bundle in the forms that other tools read; docs/exports.md says what each is good for.

    crate         a folder: the bundle, described as an RO-Crate
    bag           a folder: the bundle as the payload of a bag
    openmetrics   a file: one sample for each trial and metric
    in_toto       a file: a statement over the seal

The same bundle gives the same bytes. Nothing that is there is replaced, and nothing is left of an
export that did not come to its end. What a maker wrote into a bundle is data here: each library
escapes it for its format.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bundle.read import Bundle
from ormlab.archive import keep
from ormlab.archive.errors import EntryError
from ormlab.archive.exports import bag, crate, in_toto, openmetrics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Form(StrEnum):
    """The forms, by the names that users give."""

    RO_CRATE = "ro-crate"
    BAGIT = "bagit"
    OPENMETRICS = "openmetrics"
    IN_TOTO = "in-toto"


_WRITERS: Final[dict[Form, Callable[[Bundle, Path], None]]] = {
    Form.RO_CRATE: crate.write,
    Form.BAGIT: bag.write,
    Form.OPENMETRICS: openmetrics.write,
    Form.IN_TOTO: in_toto.write,
}


def export(bundle: Path, form: Form, out: Path) -> None:
    """Write the bundle in a folder in another form, to a file or folder that it makes.

    Raises:
        BundleError: it is no bundle, is not sealed, or does not reach L1.
        EntryError: something is at that place already.
        DiskFullError: there was no room.
    """
    if out.exists() or out.is_symlink():
        hint = "name a place that is free; an export replaces nothing"
        raise EntryError("export-exists", "the output exists already", where=str(out), hint=hint)
    verified = Bundle.open(bundle, level="L1")
    with keep.staged(out, hint="free some space and export it again") as staged:
        _WRITERS[form](verified, staged)
