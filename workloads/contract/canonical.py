"""The canonical bytes of a JSON value, which every service must answer with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

CONTENT_TYPE = "application/json; charset=utf-8"


def encode(value: Any) -> bytes:  # noqa: ANN401 - any JSON value, datetimes included
    """Return the canonical bytes of a JSON value; TypeError if a part of it has no JSON form.

    They are UTF-8 without escapes for characters beyond ASCII, without blanks, keys in the order
    given, instants (which need a time zone) as ``YYYY-MM-DDTHH:MM:SSZ``.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_instant)
    return text.encode()


def _instant(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"{value!r} has no canonical form")
    return value.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"
