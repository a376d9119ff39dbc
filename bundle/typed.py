"""Reading the documents of a bundle as their types, each as a stranger's.

The types are in ``bundle.documents``; ``bundle.outside`` has the limits.
"""

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
    """Read a document of a bundle.

    Args:
        root: the bundle's folder; of a generator's document, the folder of its trial.
        kind: the document.
        path: where it lies in the folder, if not at the usual place of its kind.
        parts: what stands for the names in braces of that place.

    Raises:
        FileNotFoundError: the bundle does not have it.
        OSError: it is no regular file, or too large.
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
    """As `read`; None if the bundle does not have it."""
    try:
        return read(root, kind, path, **parts)
    except FileNotFoundError:
        return None


def read_plan(root: Path) -> SealedPlan:
    """Read the plan of a bundle.

    Raises:
        FileNotFoundError: the bundle does not have it.
        OSError: it is no regular file, or too large.
        RecordError: it is not such a document.
    """
    try:
        return SealedPlan.model_validate(outside.yaml_of(root / SealedPlan.PATH))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except ValueError as problem:
        what = str(problem)
    raise RecordError(names.printable(what[:300]), where=SealedPlan.PATH, hint=_HINT)
