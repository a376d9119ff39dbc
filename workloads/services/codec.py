"""Canonical JSON by either of two libraries, with the same bytes and the same refusals.

Both codecs refuse what one library refuses by itself: numbers beyond a double (orjson), and
containers nested deeper than ``MAX_DEPTH`` (the libraries have other limits, and not the same).
"""

from __future__ import annotations

import importlib
import json
import math
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

MAX_DEPTH = 100
_BRACKET = re.compile(rb"[][{}]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.?)*"?', re.DOTALL)  # matches without its end too, in one go
_MAX_DIGITS = 308  # a number of so many is within the range of a double


@dataclass(frozen=True)
class Codec:
    """The two directions of canonical JSON."""

    #: makes canonical bytes of any JSON value, instants in UTC included
    encode: Callable[[Any], bytes]
    #: makes a JSON value of bytes; raises ValueError or RecursionError if they are not JSON, hold a
    #: number beyond a double, or are nested deeper than ``MAX_DEPTH``
    decode: Callable[[bytes], Any]


def codec(library: str) -> Codec:
    """Return the codec on ``stdlib`` or ``orjson``; ModuleNotFoundError if the stack lacks it."""
    return _orjson() if library == "orjson" else _stdlib()


def _stdlib() -> Codec:
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_instant)
    reader = partial(
        json.JSONDecoder, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer
    )

    def encode(value: object) -> bytes:
        return encoder.encode(value).encode()

    def whole(pairs: list[tuple[str, object]]) -> dict[str, object]:
        # Half a surrogate pair has no UTF-8 form: UnicodeEncodeError, which is a ValueError.
        encode(pairs)  # each of them: of two with one key a dictionary keeps but the last
        return dict(pairs)

    decoder, escaped = reader(), reader(object_pairs_hook=whole)

    def decode(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
        text = _shallow(body).decode()
        if b"\\u" not in body:
            return decoder.decode(text)
        value = escaped.decode(text)
        encode(value)
        return value

    return Codec(encode, decode)


def _orjson() -> Codec:
    orjson = importlib.import_module("orjson")
    options = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS

    def encode(value: object) -> bytes:
        encoded: bytes = orjson.dumps(value, option=options)
        return encoded

    def decode(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
        return orjson.loads(_shallow(body))

    return Codec(encode, decode)


def _shallow(body: bytes) -> bytes:
    """Return a body, or raise ValueError if it is nested too deep.

    Brackets decide, not the decoded value, which may lack a part: of two equal keys the first.
    """
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        depth = 0
        for bracket in _BRACKET.findall(_STRING.sub(b"", body)):
            depth += 1 if bracket in b"[{" else -1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH}")
    return body


def _instant(value: datetime) -> str:
    # The only type here that json does not know. The database answers in UTC.
    return value.isoformat()[:19] + "Z"


def _finite(text: str) -> float:
    """Read a fraction, which Python's json takes for infinity where it is too large."""
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number beyond a double")
    return value


def _integer(text: str) -> int:
    """Read a whole number, of which Python's json takes any size."""
    if len(text) > _MAX_DIGITS:
        _finite(text)
    return int(text)


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's json reads but JSON does not have."""
    raise ValueError(f"{name} is not JSON")
