"""Do the documents of a bundle fit their schemas? Part of level L2."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import jsonschema

from bundle import names, outside, schemas
from bundle.tree import scan

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.findings import Findings

_MOST_SHOWN: Final = 20  # problems of one document
_MOST_SOUGHT: Final = 200
# What other documents are compared with; the rest is not kept in memory.
_NEEDED: Final = re.compile(r"inputs/plan\.yaml|host/.*|trials/[^/]+/client\.json")


def check(root: Path, found: Findings) -> dict[str, Any]:
    """Hold every JSON document, and the plan, against its schema.

    Returns:
        Plan, host's documents and reports of the client, those that fit, by path.
    """
    paths = {entry.path for entry in scan(root) if entry.kind == "file"}
    for described in schemas.DOCUMENTS:
        if described.required and described.required not in paths:
            found.add("document-missing", described.required)
    fit = {}
    for path in sorted(paths):
        schema = schemas.schema_of(path)
        if schema is None:
            if path not in names.UNLISTED and not schemas.is_known(path):
                what = "document-undescribed" if path.endswith(".json") else "file-undescribed"
                found.add(what, path)
            elif path.endswith(".yml"):
                _read(root, path, found)
            continue
        document = _read(root, path, found)
        if document is None or not _fits(document, schema, path, found):
            continue
        if _NEEDED.fullmatch(path):
            fit[path] = document
    return fit


def _read(root: Path, path: str, found: Findings) -> object:
    try:
        read = outside.json_of if path.endswith(".json") else outside.yaml_of
        document: object = read(root / path)
    except (OSError, ValueError, RecursionError) as error:
        found.add("document-malformed", path, names.printable(str(error)[:300]))
        return None
    if document is None:
        found.add("document-malformed", path, "it holds nothing")
    return document


def _fits(document: object, schema: str, path: str, found: Findings) -> bool:
    sought = islice(_validator(schema).iter_errors(document), _MOST_SOUGHT)
    problems = sorted(sought, key=lambda each: each.json_path)
    for problem in problems[:_MOST_SHOWN]:
        # A message may hold the whole value.
        what = names.printable(f"{problem.json_path[:200]}: {problem.message[:200]}")
        found.add("document-invalid", path, what)
    if not problems and path == outside.PLAN:
        try:
            outside.check_plan(document)
        except ValueError as error:
            found.add("document-invalid", path, names.printable(str(error)))
            return False
    return not problems


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schemas.load(schema))
