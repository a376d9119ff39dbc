"""Credentials that are known by their format: what a bundle must not hold, whoever wrote it.

`FORMATS` is what a verifier looks for, each pattern with a bounded match, so that a file can be
searched piece by piece. `masked` takes the same credentials out of a text, each to its end.
"""

from __future__ import annotations

import re
from typing import Final

FORMATS: Final = {
    "a private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "a key of AWS": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a token of GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50})",
    "a token of Slack": r"\bxox[abprs]-[A-Za-z0-9-]{20}",
    "a token of a package index": r"\bpypi-[A-Za-z0-9_-]{50}",
    "a password in an address": r"\b[a-z][a-z0-9+]{1,20}://[^\s/:@'\"<>{}]{1,64}:"
    r"[^\s/@'\"<>{}*]{3,128}@[A-Za-z0-9\[]",
    "an authorisation header": r"(?i:\bauthorization: *(?:basic|bearer) +[A-Za-z0-9+/=._-]{12})",
    "a password of libpq": r"\bPGPASSWORD=[^\s'\"$*]{3}|:\*:\*:[^\s:]{1,64}:[^\s:*]{6}",
}
"""Patterns by what they find."""

# A format whose match goes on, or of which a part stays, is masked by another pattern.
_WHOLE: Final = {
    "a private key": FORMATS["a private key"]
    + r"(?s:.{0,16384}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s]*)",
    "a password in an address": r"(?<=://)[^\s/:@'\"<>{}]{1,64}:[^\s/@'\"<>{}*]{3,128}"
    r"(?=@[A-Za-z0-9\[])",
    "a password of libpq": r"\bPGPASSWORD=[^\s'\"$*]{3,}|:\*:\*:[^\s:]{1,64}:[^\s:*]{6,}",
}
_REST: Final = r"[A-Za-z0-9+/=._~-]*"
_MASKED: Final = re.compile(
    "|".join(f"(?:{_WHOLE.get(what, pattern + _REST)})" for what, pattern in FORMATS.items())
)


def masked(text: str, mark: str) -> str:
    """Return the text with a mark in the place of every credential."""
    return _MASKED.sub(lambda _: mark, text)
