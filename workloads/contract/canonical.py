"""The canonical bytes of a JSON value: what every service must answer with, byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

CONTENT_TYPE = "application/json; charset=utf-8"


def encode(value: Any) -> bytes:  # noqa: ANN401 - any JSON value, datetimes included
    """Return the canonical bytes of a JSON value.

    UTF-8 without escapes for what is not ASCII, no blanks, keys in the order given, instants as
    ``YYYY-MM-DDTHH:MM:SSZ``.

    Raises:
        TypeError: the value holds something that has no JSON form, or an instant without a zone.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_instant)
    return text.encode()


def _instant(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"{value!r} has no canonical form")
    return value.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"
