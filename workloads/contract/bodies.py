"""The bodies that every create and every update must refuse before it asks the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workloads.contract.case import Case, absent, invalid, refused
from workloads.contract.fields import (
    MAX_BODY_BYTES,
    MAX_INTEGER,
    ORDER,
    USER,
    Field,
    Instant,
    Integer,
    Text,
)
from workloads.contract.writes import new_order, new_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MALFORMED = {
    "empty": b"",
    "cut": b'{"status":',
    "two-values": b"{}{}",
    "not-a-number": b'{"total":NaN}',
    "not-utf-8": b'{"status":"\xff"}',
    "half-a-pair": rb'{"status":"\ud800"}',
    "half-a-pair-as-key": rb'{"\udfff":1}',
    "too-deep": b"[" * 200_000,
    "101-deep": b'{"status":' + b"[" * 100 + b"]" * 100 + b"}",
    "beyond-a-double": b'{"total":1e400}',
    "309-digits": b'{"total":' + b"9" * 309 + b"}",
    "byte-order-mark": b"\xef\xbb\xbf{}",
    "utf-16": "{}".encode("utf-16"),
    "surrogate-in-utf-8": b'{"status":"\xed\xa0\x80"}',
    "half-a-pair-that-is-lost": rb'{"status":"\ud800","status":"paid"}',
}
# Headers of a body that is refused unread. The contract takes no encoded body.
_OTHER_MEDIA = {
    **{
        f"encoded-{way}": {"Content-Encoding": way}
        for way in ("gzip", "deflate", "br", "zstd", "odd", "gzip, identity")
    },
    **{
        f"typed-{kind}": {"Content-Type": kind}
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp")
    },
}
_SAME_MEDIA = {
    "encoded-identity": {"Content-Encoding": "identity"},
    "typed-charset": {"Content-Type": "Application/JSON; charset=utf-8"},
    "expecting-the-odd": {"Expect": "the-odd"},
}
_NO_OBJECTS = {"array": b"[]", "text": b'"text"', "number": b"1", "null": b"null"}
_NO_INSTANTS = {
    "date": "2025-02-28",
    "offset": "2025-02-28T00:00:00+00:00",
    "fraction": "2025-02-28T00:00:00.5Z",
    "no-zone": "2025-02-28T00:00:00",
    "blank": "2025-02-28 00:00:00Z",
    "lower-case": "2025-02-28t00:00:00z",
    "week": "2025-W09-5T00:00:00Z",
    "day-30": "2025-02-30T00:00:00Z",
    "month-13": "2025-13-01T00:00:00Z",
    "hour-24": "2025-02-28T24:00:00Z",
    "second-60": "2016-12-31T23:59:60Z",
    "year-0": "0000-01-01T00:00:00Z",
    "year-10000": "10000-01-01T00:00:00Z",
    "day-one": "0001-01-01T00:00:00Z",
    "february-29": "1900-02-29T00:00:00Z",
    "line": "2025-02-28T00:00:00Z\n",
    "arabic-digits": "٢٠٢٥-02-28T00:00:00Z",
    "number": 1_740_700_800,
    "null": None,
}


def refused_bodies() -> Iterator[Case]:
    """Yield every refused body of every operation that has a body."""
    users, orders = new_user(0, "refused"), new_order(0, 1)
    for noun, fields, row in (("user", USER, users), ("order", ORDER, orders)):
        valid = {name: row[name] for name in fields}
        create, update = f"POST /{noun}s", f"PATCH /{noun}s/2"
        for operation, request in ((f"create-{noun}", create), (f"update-{noun}", update)):
            yield from _refused(operation, request, fields, valid)
        yield invalid(f"update-{noun}:no-field", update, None, body=b"{}")
        for name in fields:
            less = {key: value for key, value in valid.items() if key != name}
            yield invalid(f"create-{noun}:no-{name}", create, name, body=less)
        yield from _wrong_at_once(noun)


def _refused(
    operation: str, request: str, fields: Mapping[str, Field], valid: Mapping[str, object]
) -> Iterator[Case]:
    for word, body in _MALFORMED.items():
        error = {"error": "malformed_json"}
        yield refused(f"{operation}:{word}", request, 400, error, body=body)
    for word, body in _NO_OBJECTS.items():
        yield invalid(f"{operation}:{word}", request, None, body=body)
    for name in ("id", "colour", "ünknown"):
        yield invalid(f"{operation}:unknown-{name}", request, name, body={**valid, name: 1})
    for name, field in fields.items():
        for word, value in _wrong_values(field).items():
            wrong = {**valid, name: value}
            yield invalid(f"{operation}:{name}-{word}", request, name, body=wrong)
    for word, headers in _OTHER_MEDIA.items():
        error = {"error": "unsupported_media_type"}
        yield refused(f"{operation}:{word}", request, 415, error, body=b"{", headers=headers)
    for word, headers in _SAME_MEDIA.items():
        yield invalid(f"{operation}:{word}", request, None, body=b"[]", headers=headers)
    largest = b" " * (MAX_BODY_BYTES - 2) + b"[]"
    yield invalid(f"{operation}:largest-body", request, None, body=largest)
    large = {**valid, next(iter(fields)): "x" * MAX_BODY_BYTES}
    yield refused(f"{operation}:large-body", request, 413, {"error": "too_large"}, body=large)


def _wrong_at_once(noun: str) -> Iterator[Case]:
    """Yield updates with several faults: the first one in the contract's order counts."""
    lost, bad = f"PATCH /{noun}s/{MAX_INTEGER + 1}", f"PATCH /{noun}s/one"
    for word, body in (("malformed", b"{"), ("empty", b""), ("large", b" " * (MAX_BODY_BYTES + 1))):
        yield invalid(f"update-{noun}:word-and-{word}", bad, "id", body=body)
        yield absent(f"update-{noun}:too-large-and-{word}", lost, body=body)
    gzipped = {"Content-Encoding": "gzip"}
    yield invalid(f"update-{noun}:word-and-encoded", bad, "id", body=b"{}", headers=gzipped)
    yield invalid(f"update-{noun}:word-and-unknown", bad, "id", body={"colour": 1})


def _wrong_values(field: Field) -> dict[str, object]:
    match field:
        case Text(shortest, longest):
            wrong: dict[str, object] = {"null": None, "number": 1, "array": [], "nul": "a\0b"}
            wrong["long"] = "é" * (longest + 1)
            return wrong | ({"empty": ""} if shortest else {})
        case Integer(least, greatest):
            return {
                "null": None,
                "text": "1",
                "true": True,
                "fraction": 1.5,
                "float": 1.0,
                "small": least - 1,
                "large": greatest + 1,
                "huge": 10**30,
            }
        case Instant():
            return _NO_INSTANTS
