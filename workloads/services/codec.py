"""Canonical JSON by either of two libraries, with the same bytes and the same refusals."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True)
class Codec:
    """How values become canonical bytes, and request bodies values.

    Attributes:
        encode: any JSON value, instants in UTC included, to canonical bytes.
        decode: bytes to a JSON value; raises ValueError or RecursionError if they are not JSON.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def codec(library: str) -> Codec:
    """Return the codec on ``stdlib`` or ``orjson``.

    Raises:
        ModuleNotFoundError: orjson was asked for and is not in this stack.
    """
    return _orjson() if library == "orjson" else _stdlib()


def _stdlib() -> Codec:
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_instant)
    decoder = json.JSONDecoder(parse_constant=_no_constant)

    def encode(value: object) -> bytes:
        return encoder.encode(value).encode()

    def decode(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
        value = decoder.decode(body.decode())
        if b"\\u" in body:
            # Half a surrogate pair has no UTF-8 form: UnicodeEncodeError, which is a ValueError.
            encode(value)
        return value

    return Codec(encode, decode)


def _orjson() -> Codec:
    orjson = importlib.import_module("orjson")
    options = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS

    def encode(value: object) -> bytes:
        encoded: bytes = orjson.dumps(value, option=options)
        return encoded

    return Codec(encode, orjson.loads)


def _instant(value: datetime) -> str:
    # The only type here that json does not know. The database answers in UTC.
    return value.isoformat()[:19] + "Z"


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's json reads but JSON does not have."""
    raise ValueError(f"{name} is not JSON")
