"""Documents of a stranger's bundle, read as their types within the limits of `bundle.outside`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from bundle import codec, names, outside
from bundle.documents.plan import SealedPlan
from bundle.errors import RecordError

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.codec import Document

_HINT = "`ormlab verify` says what is wrong with the bundle"


def read[T: Document](root: Path, kind: type[T], path: str | None = None, **parts: str) -> T:
    """Read a document below a folder: the bundle's, or for a generator's document the trial's.

    The document lies at its usual ``kind.PATH``, with ``parts`` for the names in its braces, or at
    another ``path``.

    Raises:
        FileNotFoundError: the bundle does not have it.
        OSError: it is not a regular file, or too large.
        RecordError: it is not such a document.
    """
    where = path or kind.PATH.format(**parts)
    try:
        return codec.read(outside.bytes_of(root / where), kind)
    except ValueError as wrong:
        what = names.printable(str(wrong)[:300])
        raise RecordError(what, where=where, hint=_HINT) from wrong


def read_if_there[T: Document](
    root: Path, kind: type[T], path: str | None = None, **parts: str
) -> T | None:
    """As `read`, but None if the bundle does not have the document."""
    try:
        return read(root, kind, path, **parts)
    except FileNotFoundError:
        return None


def read_plan(root: Path) -> SealedPlan:
    """Read the plan of a bundle; errors as in `read`."""
    try:
        return SealedPlan.model_validate(outside.yaml_of(root / SealedPlan.PATH))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except ValueError as problem:
        what = str(problem)
    raise RecordError(names.printable(what[:300]), where=SealedPlan.PATH, hint=_HINT)
