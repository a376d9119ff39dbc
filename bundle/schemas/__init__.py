"""The JSON Schemas of a bundle's documents, by versioned name, and which document has which.

Those of records that have a type are generated from it (`of`); the others are written. A schema
that describes a document of another part of the lab, which may gain keys, is open and says so.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from bundle.format import BundleRecord, IndexLine, Provenance, Seal, TrialRecord

if TYPE_CHECKING:
    from bundle.codec import Record

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
RECORDS: Final[tuple[type[Record], ...]] = (BundleRecord, Seal, TrialRecord, Provenance, IndexLine)


class Described(NamedTuple):
    """Which paths of a bundle hold documents of one schema.

    Attributes:
        paths: a pattern that matches the whole path.
        schema: name of the schema's file, without its suffix.
        required: whether a bundle must hold one at this very path.
    """

    paths: re.Pattern[str]
    schema: str
    required: str | None = None


def _at(path: str, schema: str) -> Described:
    return Described(re.compile(re.escape(path)), schema, path)


def _like(pattern: str, schema: str) -> Described:
    return Described(re.compile(pattern), schema)


# The first that matches counts.
DOCUMENTS: Final = (
    _at("bundle.json", "bundle-1"),
    _at("SEAL.json", "seal-1"),
    _at("inputs/plan.yaml", "resolved-plan-1"),
    _at("inputs/source.json", "source-1"),
    _at("host/facts.before.json", "host-facts-1"),
    _like(
        r"host/(host-[0-9]+/)?(facts\.(before|after)|resumed-[0-9]+/facts)\.json", "host-facts-1"
    ),
    _at("host/fingerprint.json", "fingerprint-1"),
    _at("host/dataset.json", "dataset-1"),
    _at("host/postgres.json", "postgres-1"),
    _like(r"host/(host-[0-9]+/)?drift\.json", "drift-1"),
    _like(r"host/(host-[0-9]+/)?(resumed-[0-9]+/)?ports\.json", "ports-1"),
    _like(r"host/provision/[^/]+\.json", "provision-1"),
    _like(r"services/[^/]+/stack\.json", "stack-1"),
    _like(r"services/[^/]+/contract\.json", "contract-1"),
    _like(r"services/[^/]+/(check|diagnosis)\.json", "order-1"),
    _like(r"trials/[^/]+/trial\.json", "trial-1"),
    _like(r"generators/[^/]+/floor\.json", "order-1"),
    _like(r"(trials|generators)/[^/]+/wrk\.json", "wrk-1"),
    _like(r"(trials|generators)/[^/]+/client\.json", "client-1"),
    _like(r"trials/[^/]+/article\.json", "article-1"),
    _like(r"derived/results\.json", "results-1"),
    _like(r"host/((host-[0-9]+/)?readings\.(before|after)|statement-log)\.json", "open-1"),
    _like(r"host/(host-[0-9]+/)?resumed-[0-9]+/readings\.json", "open-1"),
    _like(r"inputs/rerun\.json", "rerun-1"),
    _like(r"services/[^/]+/(sql|answers)\.json", "open-1"),
    _like(r"trials/[^/]+/capacity\.json", "open-1"),
    _like(r"derived/(explanation|verdicts)\.json", "open-1"),
)


# Files of a bundle that no schema describes. What is in no place of the format is a doubt.
_FILES: Final = re.compile(
    r"README\.md|MANIFEST\.sha256|SEAL\.json\.sig|ro-crate-metadata\.json"
    r"|derived/(DERIVED\.sha256|ledger\.yaml)"
    r"|inputs/(claims\.yaml|inventory\.redacted\.yml|source\.patch|locks/[^/]+\.(txt|toml))"
    r"|host/((host-[0-9]+/)?[^/]+\.log\.zst|provision/[^/]+\.zst)"
    r"|services/[^/]+/(samples/[^/]+\.http|[^/]+\.log\.zst|schema\.sql)"
    r"|(trials|generators)/[^/]+/([^/]+\.(hdr|log\.zst|stderr\.txt\.zst)|wrk\.stdout\.txt"
    r"|(samples|resources)\.parquet)"
)


def is_known(path: str) -> bool:
    """Whether the format has a place for a file of this path that no schema describes."""
    return _FILES.fullmatch(path) is not None


def schema_of(path: str) -> str | None:
    """Return the name of the schema for a path of a bundle, or None if none describes it."""
    return next((each.schema for each in DOCUMENTS if each.paths.fullmatch(path)), None)


@cache
def load(name: str) -> dict[str, Any]:
    """Return a schema by name, such as ``trial-1``."""
    text = resources.files(__name__).joinpath(f"{name}.schema.json").read_text()
    document: dict[str, Any] = json.loads(text)
    return document


def name_of(record: type[Record]) -> str:
    """Return the name of a record's schema: ``trial/1`` is ``trial-1``."""
    return record.SCHEMA.replace("/", "-")


def of(kind: type) -> dict[str, Any]:
    """Return the schema of a type: no other keys are allowed, and all but later ones required."""
    (schema,), parts = msgspec.json.schema_components(
        [kind], schema_hook=_anything, ref_template="#/$defs/{name}"
    )
    inner = parts.pop(schema["$ref"].rpartition("/")[2])
    whole = {"$schema": DIALECT, **inner, **({"$defs": parts} if parts else {})}
    return _strict(whole)  # type: ignore[no-any-return]


def _anything(_kind: type) -> dict[str, Any]:
    """The schema of what is typed as any object."""
    return {"description": "any value"}


def _strict(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Close every object, and write the anchors of patterns as ECMA-262 has them."""
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _strict(value) for key, value in node.items() if key != "default"}
    if "description" in closed and isinstance(closed["description"], str):
        closed["description"] = closed["description"].partition("\n")[0]
    if isinstance(closed.get("pattern"), str):
        closed["pattern"] = closed["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
    if isinstance(closed.get("properties"), dict):
        # What has neither a default nor is required may be left out: a key that came later.
        required, properties = node.get("required", ()), node["properties"]
        closed["required"] = [
            key for key, value in properties.items() if key in required or "default" in value
        ]
        closed["additionalProperties"] = False
    return closed
