"""Credentials of known formats, which no bundle may hold.

`found` searches for them with patterns of bounded length, so that a verifier can search a file
piece by piece. `masked` takes the same credentials out of a text, each up to its end.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Format(NamedTuple):
    """A kind of credential."""

    #: every credential of this kind contains one of them, in lower case; searching for them is a
    #: hundred times faster than matching the pattern
    anchors: tuple[bytes, ...]
    pattern: str  #: regular expression of the credential


FORMATS: Final = {
    "a private key": Format(
        (b"private key",), r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    ),
    "a key of AWS": Format((b"akia", b"asia"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a token of GitHub": Format(
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50})",
    ),
    "a token of Slack": Format((b"xox",), r"\bxox[abprs]-[A-Za-z0-9-]{20}"),
    "a token of a package index": Format((b"pypi-",), r"\bpypi-[A-Za-z0-9_-]{50}"),
    "a password in an address": Format(
        (b"://",),
        r"\b[a-z][a-z0-9+]{1,20}://[^\s/:@'\"<>{}]{1,64}:[^\s/@'\"<>{}*]{3,128}@[A-Za-z0-9\[]",
    ),
    "an authorisation header": Format(
        (b"authorization:",),
        r"(?i:\bauthorization: *(?:basic|bearer) +[A-Za-z0-9+/=._-]{12})",
    ),
    "a password of libpq": Format(
        (b"pgpassword=", b":*:*:"),
        r"\bPGPASSWORD=[^\s'\"$*]{3}|:\*:\*:[^\s:]{1,64}:[^\s:*]{6}",
    ),
}
"""The formats by the names of their kinds."""

_SOUGHT: Final = {what: re.compile(each.pattern.encode()) for what, each in FORMATS.items()}

# Patterns for `masked` where the credential is longer than the match, or a part of it may stay.
_WHOLE: Final = {
    "a private key": FORMATS["a private key"].pattern
    + r"(?s:.{0,16384}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s]*)",
    "a password in an address": r"(?<=://)[^\s/:@'\"<>{}]{1,64}:[^\s/@'\"<>{}*]{3,128}"
    r"(?=@[A-Za-z0-9\[])",
    "a password of libpq": r"\bPGPASSWORD=[^\s'\"$*]{3,}|:\*:\*:[^\s:]{1,64}:[^\s:*]{6,}",
}
_REST: Final = r"[A-Za-z0-9+/=._~-]*"
_MASKED: Final = re.compile(
    "|".join(f"(?:{_WHOLE.get(what, each.pattern + _REST)})" for what, each in FORMATS.items())
)


def masked(text: str, mark: str) -> str:
    """Return the text with a mark in the place of every credential."""
    return _MASKED.sub(lambda _: mark, text)


def found(data: bytes) -> list[tuple[int, str]]:
    """Return the offset of each credential in a piece of a file, ascending, with its kind."""
    lower = data.lower()
    return sorted(
        (match.start(), what)
        for what, each in FORMATS.items()
        if any(anchor in lower for anchor in each.anchors)
        for match in _SOUGHT[what].finditer(data)
    )
