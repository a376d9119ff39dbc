"""Do the documents of a bundle fit their types? Part of level L2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from pydantic import ValidationError

from bundle import codec, names, outside, schemas
from bundle.documents.plan import SealedPlan
from bundle.tree import scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bundle.findings import Findings

_MOST_SHOWN: Final = 20  # problems of one document
# Later checks compare these documents with others; the rest is not kept in memory.
_NEEDED: Final = re.compile(r"inputs/plan\.yaml|host/.*|trials/[^/]+/client\.json")
_DERIVED: Final = f"{names.DERIVED}/"


class Named(msgspec.Struct, frozen=True):
    """A document that names its schema, whatever else it holds."""

    schema: Annotated[str, msgspec.Meta(pattern=r"\A[a-z-]+/[0-9]+\Z")]


@dataclass(frozen=True)
class Fitting:
    """Documents that fit their types: plan, host's documents and reports of the client."""

    by_path: Mapping[str, object]

    def get[T](self, path: str, kind: type[T]) -> T | None:
        """The document at a path; None if there is none, or it does not fit."""
        document = self.by_path.get(path)
        return document if isinstance(document, kind) else None

    def of[T](self, kind: type[T]) -> Iterator[tuple[str, T]]:
        """All documents of a type, with their paths."""
        for path, document in self.by_path.items():
            if isinstance(document, kind):
                yield path, document


def check(root: Path, findings: Findings) -> Fitting:
    """Read every JSON document, and the plan, by its type."""
    paths = {entry.path for entry in scan(root) if entry.kind == "file"}
    for each in schemas.DOCUMENTS:
        if each.required and each.required not in paths:
            findings.add("document-missing", each.required)
    fit = {}
    for path in sorted(paths):
        described = schemas.of_path(path)
        if described is None:
            _check_undescribed(root, path, findings)
            continue
        # L3 computes results again. A later version may have added keys to them.
        kind = Named if path.startswith(_DERIVED) else described.kind
        document = _read(root, path, kind, findings)
        if document is not None and _NEEDED.fullmatch(path):
            fit[path] = document
    return Fitting(fit)


def _check_undescribed(root: Path, path: str, findings: Findings) -> None:
    if path not in names.UNLISTED and not schemas.is_known(path):
        what = "document-undescribed" if path.endswith(".json") else "file-undescribed"
        findings.add(what, path)
    elif path.endswith(".yml"):
        _yaml(root, path, findings)


def _read(root: Path, path: str, kind: Any, findings: Findings) -> object:  # noqa: ANN401 - a type
    """Read a document; None, and a finding, if it does not fit its type."""
    if kind is SealedPlan:
        return _plan(_yaml(root, path, findings), path, findings)
    try:
        data = outside.bytes_of(root / path)
        if data.strip() == b"null":
            raise ValueError("it holds nothing")  # noqa: TRY301 - as what cannot be read
        document: object = codec.read(data, kind)
    except msgspec.ValidationError as error:
        _invalid(path, str(error), findings)
    except (OSError, ValueError) as error:
        findings.add("document-malformed", path, names.printable(str(error)[:300]))
    else:
        return document
    return None


def _yaml(root: Path, path: str, findings: Findings) -> object:
    try:
        document: object = outside.yaml_of(root / path)
    except (OSError, ValueError, RecursionError) as error:
        findings.add("document-malformed", path, names.printable(str(error)[:300]))
        return None
    if document is None:
        findings.add("document-malformed", path, "it holds nothing")
    return document


def _plan(document: object, path: str, findings: Findings) -> SealedPlan | None:
    if document is None:
        return None
    try:
        return SealedPlan.model_validate(document)
    except ValidationError as wrong:
        for error in islice(wrong.errors(include_url=False, include_context=False), _MOST_SHOWN):
            place = ".".join(map(str, error["loc"]))
            _invalid(path, f"{place[:200]}: {error['msg']}", findings)
    return None


def _invalid(path: str, what: str, findings: Findings) -> None:
    # A message may contain the whole value.
    findings.add("document-invalid", path, names.printable(what[:400]))
