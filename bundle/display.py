r"""How text that anybody may have written is shown: control characters are named, not obeyed.

A name, a path or a message of a bundle may hold what a terminal takes for a command (ESC, the C1
controls, a carriage return), what turns the direction of writing round (the bidirectional
overrides), or nothing that can be seen at all. `visible` writes each of them as Python does, such
as ``\x1b`` and ``\u202e``.
"""

from __future__ import annotations


def visible(text: str, *, keep: str = "") -> str:
    r"""Return ``text`` with every character that is not printable written as an escape.

    Args:
        text: from anywhere; half of a surrogate pair counts as not printable.
        keep: control characters that the caller lays out itself, such as ``"\n"``.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
