"""Do the documents of a bundle fit their schemas? Part of level L2."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import yaml

from ormlab.bundle import names, schemas
from ormlab.bundle.codec import parse
from ormlab.bundle.tree import read_small, scan

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.bundle.findings import Findings

LIMIT: Final = 256 * 2**20
_MOST_SHOWN: Final = 20  # problems of one document
# What PyYAML's constructors raise for tags whose content is none of theirs.
UNREADABLE: Final = (ValueError, LookupError, AttributeError, TypeError, RecursionError)


def check(root: Path, found: Findings) -> dict[str, Any]:
    """Hold every JSON document, and the plan, against its schema.

    Returns:
        The documents that fit, by path.
    """
    paths = {entry.path for entry in scan(root) if entry.kind == "file"}
    for described in schemas.DOCUMENTS:
        if described.required and described.required not in paths:
            found.add("document-missing", described.required)
    fit = {}
    for path in sorted(paths):
        schema = schemas.schema_of(path)
        if schema is None:
            if path.endswith(".json") and path not in names.UNLISTED:
                found.add("document-undescribed", path)
            continue
        document = _read(root, path, found)
        if document is not None and _fits(document, schema, path, found):
            fit[path] = document
    return fit


def _read(root: Path, path: str, found: Findings) -> object:
    try:
        data = read_small(root / path, limit=LIMIT)
        document = parse(data) if path.endswith(".json") else yaml.safe_load(data)
    except (OSError, *UNREADABLE, yaml.YAMLError) as error:
        found.add("document-malformed", path, names.printable(str(error)))
        return None
    if document is None:
        found.add("document-malformed", path, "it holds nothing")
    return document


def _fits(document: object, schema: str, path: str, found: Findings) -> bool:
    problems = sorted(_validator(schema).iter_errors(document), key=lambda each: each.json_path)
    for problem in problems[:_MOST_SHOWN]:
        # A message may hold the whole value.
        what = names.printable(f"{problem.json_path}: {problem.message[:200]}")
        found.add("document-invalid", path, what)
    return not problems


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schemas.load(schema))
