"""A statement without the parts that may differ between two requests of one kind.

Removed are string, number and dollar-quoted literals, comments, runs of blanks, the semicolon at
the end, names that a driver or an ORM generates (prepared statements, portals, savepoints), and
the length of lists of values. Letter case, identifiers, aliases, the order of clauses, casts, and
numbered parameters outside of lists stay as sent.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from bundle.documents.services import Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOKEN = re.compile(
    r"""
    (?P<quoted>"(?:[^"]|"")*")
    | (?P<text>[eE]'(?:[^'\\]|''|\\.)*' | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
    | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$)
    | (?P<comment>--[^\n]* | /\*.*?\*/)
    | (?P<parameter>\$\d+)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)?)
    | (?P<blank>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_LITERALS = ("text", "dollar", "number")
_BLANKS = ("comment", "blank")
# After each of these words comes a generated name.
_NAMED = (
    re.compile(
        r"\b(SAVEPOINT|PREPARE|EXECUTE|DEALLOCATE(?: PREPARE)?|DECLARE) (?!ALL\b)(\"[^\"]*\"|\w+)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(RELEASE|ROLLBACK TO) (?!SAVEPOINT\b)(\"[^\"]*\"|\w+)",
        re.IGNORECASE,
    ),
)
_VALUE = r"(?:\?|\$\d+)(?:::\w+)?"
_LIST = re.compile(rf"\bIN ?\( ?{_VALUE}(?: ?, ?{_VALUE})* ?\)", re.IGNORECASE)


def normalised(statement: str) -> str:
    """Return a statement's text with literals as ``?`` and generated names as ``name``."""
    parts = []
    for token in _TOKEN.finditer(statement):
        kind = token.lastgroup if token.lastgroup != "tag" else "dollar"
        parts.append("?" if kind in _LITERALS else " " if kind in _BLANKS else token[0])
    text = re.sub(r" {2,}", " ", "".join(parts)).strip(" ;")
    for named in _NAMED:
        text = named.sub(r"\1 name", text)
    return _LIST.sub("IN (?, ...)", text)


def counted(statements: Sequence[str]) -> list[Statement]:
    """Return each text and how often it is there, in the order of first appearance."""
    return [Statement(text=text, count=count) for text, count in Counter(statements).items()]


def digest(value: object) -> str:
    """Return the SHA-256 of a JSON value's compact form, hex; also of types that encode as JSON."""
    plain = msgspec.to_builtins(value)
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
