"""JSON documents: read strictly and in bounded memory, written always in the same way."""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from typing import ClassVar, Final, NoReturn

import msgspec

from bundle.errors import RecordError
from bundle.names import printable

LARGEST: Final = 32 * 2**20  # bytes of one document; the largest of the evidence has 0.9 MB
MOST_VALUES: Final = 2_000_000  # of one document; in memory a value takes up to 120 bytes
DEEPEST: Final = 64  # levels of nesting; the deepest document of a bundle has about 10
_INTEGERS: Final = range(-(2**63), 2**64)  # what other readers of JSON can hold
_DIGITS: Final = bytes(48 if chr(byte).isdigit() else 32 for byte in range(128)) + bytes(128)
_LONG: Final = b"0" * len(str(2**63))
# An unterminated text extends to the end of the document, so that no byte is searched twice.
_TEXT: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
# Texts, with the colon after those that are keys, and the braces of objects.
_TOKEN: Final = re.compile(_TEXT.pattern + rb"(\s*+:)?|[{}]", re.DOTALL)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_DEEPER: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

type Json = dict[str, Json] | list[Json] | str | int | float | bool | None
"""Any JSON value: for what compares or prints documents of any kind, value by value."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all records and their parts: immutable, and an unknown key is an error."""


class Document(Part, frozen=True):
    """A part that is a file of its own in a bundle."""

    PATH: ClassVar[str]  #: its path in the bundle; ``{subject}`` and the like stand for a name


class Record(Part, frozen=True):
    """A part that is a file of its own: it names its schema, and `decode` reads it."""

    SCHEMA: ClassVar[str]


def encode(record: Record, *, indent: int = 2) -> bytes:
    """Return a record as one JSON document and a newline; an indent of 0 puts it on one line."""
    compact = msgspec.json.encode(record)
    return (msgspec.json.format(compact, indent=indent) if indent else compact) + b"\n"


def serialise(value: object) -> bytes:
    """JSON of any shape as bundles hold it: sorted keys; null for NaN and infinity."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def plain(document: Part) -> dict[str, Json]:
    """The values of a document, as `serialise` writes them."""
    values: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(document, order="sorted"))
    return values


def decode[T: Record](data: bytes, kind: type[T], *, where: object) -> T:
    """Read a record strictly; ``where`` is the place that an error names, usually the file.

    Raises:
        RecordError: the data is not JSON, has a repeated, unknown or missing key, a value outside
            its range, or a schema that this version does not read.
    """
    try:
        raw = parse(data)
        _check_schema(raw, kind)
        return msgspec.convert(raw, kind)
    except ValueError as error:
        raise RecordError(
            printable(str(error)),
            where=where,
            hint=f"it must be a {kind.SCHEMA} document as docs/bundle-format.md describes it",
        ) from error


def read[T](data: bytes, kind: type[T]) -> T:
    """Read one JSON document of a type, as strictly as `parse`, and much faster.

    Raises:
        msgspec.ValidationError: it is JSON, but not of this type; this is a ValueError.
        ValueError: as `parse`.
    """
    _check_limits(data)
    if _has_long_numbers(data):
        parse(data)  # checks every number
    _check_keys(data)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:
        parse(data)  # raises if the data is no JSON at all
        raise


def parse(data: bytes) -> Json:
    """Read one JSON document of any type, strictly and in bounded memory.

    This or `read` reads everything from outside: bundles, indexes, stores, answers of programs.

    Raises:
        ValueError: it is not JSON in UTF-8, has a repeated key, NaN, infinity, a number beyond a
            float, an integer of more than 64 bits, or exceeds a limit of size, values or nesting.
    """
    _check_limits(data)
    # Of a repeated key, msgspec would keep the last value and another reader the first.
    document: Json = json.loads(
        data.decode(),
        object_pairs_hook=_once,
        parse_constant=_no_constant,
        parse_float=_finite,
        parse_int=_integer if _has_long_numbers(data) else None,
    )
    return document


def _check_limits(data: bytes) -> None:
    if len(data) > LARGEST:
        raise ValueError(f"the document is larger than {LARGEST:,} bytes")
    # Each value but the first of a container follows a comma. Commas in texts count as well.
    if sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ValueError(f"the document has more than {MOST_VALUES:,} values")
    # Most containers hold no other container. Without those, few brackets are left to count.
    brackets = _TEXT.sub(b"", data).translate(None, _NO_BRACKETS)
    outer = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if max(accumulate(map(_DEEPER.__getitem__, outer)), default=0) >= DEEPEST:
        raise ValueError(f"the document is nested more than {DEEPEST} levels deep")


def _has_long_numbers(data: bytes) -> bool:
    """Whether a row of digits is so long that a number may have more than 64 bits."""
    return _LONG in data.translate(_DIGITS)


def _check_keys(data: bytes) -> None:
    """Refuse a key that occurs twice in an object; the data need not be JSON."""
    objects: list[set[str]] = [set()]
    for token in _TOKEN.finditer(data):
        text = token[0]
        if text == b"{":
            objects.append(set())
        elif text == b"}":
            objects = objects[:-1] or [set()]
        elif token[1]:
            name = text.removesuffix(token[1])
            key = json.loads(name) if b"\\" in name else name[1:-1].decode()
            if key in objects[-1]:
                raise ValueError(f"the key {key!a} occurs twice")
            objects[-1].add(key)


def _check_schema(raw: object, kind: type[Record]) -> None:
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema != kind.SCHEMA:
        raise ValueError(f"schema is {schema!a}, not {kind.SCHEMA!r}")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key!a} occurs twice")
        values[key] = value
    return values


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]!a} is too large")
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) <= len(str(_INTEGERS.start)) else None
    if value is None or value not in _INTEGERS:
        raise ValueError(f"the integer {text[:40]!a} has more than 64 bits")
    return value
