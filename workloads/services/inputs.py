"""Checks parts of a request against the limits of ``workloads.contract.fields``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workloads.contract.fields import (
    DEFAULT_LIMIT,
    LOADINGS,
    MAX_INTEGER,
    MAX_LIMIT,
    Field,
    Instant,
    Integer,
    Text,
)
from workloads.services.errors import Invalid, Malformed, NotFound, UnsupportedMedia

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from multidict import MultiMapping

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\dZ", re.ASCII)
_FIRST = datetime.min.replace(tzinfo=UTC)


def row_id(text: str) -> int:
    """Return the id in a path.

    Raises:
        Invalid: it does not consist of decimal digits.
        NotFound: it is larger than any id, or has an escaped slash, which divides a path.
    """
    if "/" in text:
        raise NotFound
    if not (text.isascii() and text.isdecimal()):
        raise Invalid("id")
    # Count digits first: int() refuses thousands of them with an error of its own.
    if len(text) > len(str(MAX_INTEGER)) or int(text) > MAX_INTEGER:
        raise NotFound
    return int(text)


def media(content_type: str | None, content_encoding: str | None) -> None:
    """Check by its headers that a body is JSON and not encoded; without a type it counts as JSON.

    Raises:
        UnsupportedMedia: it has another type, or is encoded.
    """
    other = content_type and content_type.partition(";")[0].strip().lower() != "application/json"
    if other or (content_encoding and content_encoding.strip().lower() != "identity"):
        raise UnsupportedMedia


def page(query: MultiMapping[str], *others: str) -> tuple[int, int]:
    """Return limit and offset of a query; ``others`` are further parameters it may have.

    Raises:
        Invalid: a parameter is unknown, repeated, or out of range.
    """
    # By pairs, because some versions of multidict give a repeated name only once.
    once((name for name, _ in query.items()), ("limit", "offset", *others))
    limit = _number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    return limit, _number(query, "offset", 0, 0, MAX_INTEGER)


def once(names: Iterable[str], known: tuple[str, ...]) -> None:
    """Check that each name is known and occurs once; Invalid names the first that does not."""
    seen: set[str] = set()
    for name in names:
        if name not in known or name in seen:
            raise Invalid(name)
        seen.add(name)


def loading(query: MultiMapping[str]) -> str:
    """Return the kind of loading that a query names; Invalid if it names none or an unknown one."""
    kind = query.get("loading")
    if kind not in LOADINGS:
        raise Invalid("loading")
    return kind


def instant(text: str) -> datetime:
    """Return the instant in a text.

    Raises:
        ValueError: it does not have the contract's form, does not exist, or is the first instant of
            year 1, for which asyncpg stores -infinity.
    """
    if not _INSTANT.fullmatch(text):
        raise ValueError("not an instant like 2024-01-01T00:00:00Z")
    value = datetime.fromisoformat(text)
    if value == _FIRST:
        raise ValueError("asyncpg stores -infinity for it")
    return value


def complete(
    fields: Mapping[str, Field], body: bytes, decode: Callable[[bytes], Any]
) -> dict[str, object]:
    """Return the values of a body that must have every field.

    Raises:
        Malformed: the body is not JSON.
        Invalid: a field is missing, unknown, of the wrong type or out of range.
    """
    values = _values(fields, body, decode)
    for name in fields:
        if name not in values:
            raise Invalid(name)
    return values


def partial(
    fields: Mapping[str, Field], body: bytes, decode: Callable[[bytes], Any]
) -> dict[str, object]:
    """Return the values of a body that must have at least one field.

    Raises:
        Malformed: the body is not JSON.
        Invalid: there is no field, or one is unknown, of the wrong type or out of range.
    """
    values = _values(fields, body, decode)
    if not values:
        raise Invalid(None)
    return values


def _values(
    fields: Mapping[str, Field], body: bytes, decode: Callable[[bytes], Any]
) -> dict[str, object]:
    try:
        document = decode(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(document, dict):
        raise Invalid(None)
    for name in document:
        if name not in fields:
            raise Invalid(name)
    return {name: _value(fields[name], name, document[name]) for name in fields if name in document}


def _value(field: Field, name: str, value: object) -> object:
    match field, value:
        case Text(shortest, longest), str():
            if shortest <= len(value) <= longest and "\0" not in value:
                return value
        case Integer(least, greatest), int() if not isinstance(value, bool):
            if least <= value <= greatest:
                return value
        case Instant(), str():
            try:
                return instant(value)
            except ValueError:
                pass
    raise Invalid(name)


def number(text: str) -> int:
    """Return the number in a parameter; ValueError if it is not one in decimal digits."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_INTEGER))):
        raise ValueError("not a number in decimal digits")
    return int(text)


def _number(query: MultiMapping[str], name: str, default: int, least: int, greatest: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    try:
        value = number(text)
    except ValueError:
        raise Invalid(name) from None
    if not least <= value <= greatest:
        raise Invalid(name)
    return value
