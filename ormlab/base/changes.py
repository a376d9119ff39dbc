"""What differs between two documents, value by value."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from bundle.codec import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bundle.codec import Json, Part

_SHOWN = 60  # characters of a value in a sentence
_MOST_LISTED = 5


class Change(NamedTuple):
    """One value that differs."""

    at: str  #: its place: keys and positions, with dots between them
    before: Json  #: None where it is null or not there
    after: Json  #: likewise

    def __str__(self) -> str:
        return f"{self.at} is {_short(self.after)}, it was {_short(self.before)}"


def changes(before: Json, after: Json, at: str = "") -> Iterator[Change]:
    """Yield what differs: key by key, lists of one length item by item, others as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from changes(before.get(key), after.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from changes(*pair, f"{at}.{number}")
    elif before != after or type(before) is not type(after):
        yield Change(at, before, after)


def selected(document: Part | None, keys: Iterable[str]) -> dict[str, Json]:
    """The values of some keys of a document, to be compared; null where it has none."""
    values = plain(document) if document else {}
    return {key: values.get(key) for key in keys}


def listed(found: Sequence[object]) -> str:
    """Name the first few differences in one text, and count the rest."""
    more = f"; and {len(found) - _MOST_LISTED} more" if len(found) > _MOST_LISTED else ""
    return "; ".join(map(str, islice(found, _MOST_LISTED))) + more


def _short(value: object) -> str:
    if value is None:
        return "absent"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
