"""How records are read, strictly, and written, always in the same way."""

from __future__ import annotations

import json
from typing import ClassVar, NoReturn

import msgspec

from ormlab.bundle.errors import RecordError
from ormlab.bundle.names import printable


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all records and their parts share: immutable, and no key goes unnoticed."""


class Record(Part, frozen=True):
    """A part that is a file of its own, and so carries a schema and is read by `decode`."""

    SCHEMA: ClassVar[str]


def encode(record: Record, *, indent: int = 2) -> bytes:
    """Return the bytes of a record: one JSON document and a newline; 0 puts it on one line."""
    compact = msgspec.json.encode(record)
    return (msgspec.json.format(compact, indent=indent) if indent else compact) + b"\n"


def serialise(value: object) -> bytes:
    """JSON of any shape as bundles hold it: sorted keys; null for NaN and infinity."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def decode[T: Record](data: bytes, kind: type[T], *, where: object) -> T:
    """Read a record strictly.

    Args:
        data: one JSON document in UTF-8.
        kind: the record it must be.
        where: what the error names as the place, usually the file.

    Raises:
        RecordError: it is not JSON, has a repeated, unknown or missing key, a value outside its
            range, or a schema that this version does not read.
    """
    try:
        raw = parse(data)
        _check_schema(raw, kind)
        return msgspec.convert(raw, kind)
    except (ValueError, RecursionError) as error:
        raise RecordError(
            printable(str(error)),
            where=where,
            hint=f"it must be a {kind.SCHEMA} document as docs/bundle-format.md describes it",
        ) from error


def parse(data: bytes) -> object:
    """Read one JSON document of any kind, strictly.

    Raises:
        ValueError: it is not JSON in UTF-8, or has a repeated key, NaN or infinity.
        RecursionError: it is nested too deeply.
    """
    # Of a repeated key, msgspec would keep the last and another reader the first.
    return json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_constant)


def _check_schema(raw: object, kind: type[Record]) -> None:
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema != kind.SCHEMA:
        raise ValueError(f"schema is {schema!a}, not {kind.SCHEMA!r}")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!a} occurs twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
