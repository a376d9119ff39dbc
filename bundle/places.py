"""Names in braces in a text, such as ``{port}``, and the values that take their places."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLACE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""A place: a name in braces. Other braces are text like any other."""


def names(value: object) -> Iterator[str]:
    """The names of all places in the texts of a JSON value."""
    if isinstance(value, str):
        yield from PLACE.findall(value)
    elif isinstance(value, dict):
        yield from names(list(value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from names(each)


def filled(text: str, values: Mapping[str, str | int | float | bool]) -> str:
    """A text with values in its places; a place without a value stays as it is."""

    def value(name: str) -> str:
        told = values[name]
        return str(told).lower() if isinstance(told, bool) else str(told)

    return PLACE.sub(lambda at: value(at[1]) if at[1] in values else at[0], text)
