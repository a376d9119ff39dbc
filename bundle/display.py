r"""Text for people: numbers with their nouns, and text of a bundle that nobody vouches for.

A name, a path or a message of a bundle may hold characters that a terminal takes for a command
(ESC, the C1 controls, a carriage return), that reverse the direction of writing (the bidirectional
overrides), or that are invisible. `visible` writes them as Python does: ``\x1b``, ``\u202e``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def quantity(number: int, one: str, several: str | None = None) -> str:
    """Return a number with what it counts: ``1 block``, ``6,000 blocks``, ``1 block gives``.

    Args:
        number: how many.
        one: the words after a 1.
        several: the words after any other number; by default with an s at the end.
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def by_reason(reasons: Mapping[str, str]) -> str:
    """Return names with their reasons, those of one reason together: ``a, b (why); c (why)``."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(several)} ({reason})" for reason, several in names.items())


def visible(text: str, *, keep: str = "") -> str:
    r"""Return a text with every character that is not printable written as an escape.

    Half of a surrogate pair is not printable. ``keep`` names control characters that the caller
    lays out itself, such as ``"\n"``.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode()
        for char in text
    )
