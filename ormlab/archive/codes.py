"""What `ormlab archive verify` can find beside the problems of single bundles, by stable code.

Tests compare the table in docs/archive.md with them, and break an archive for every code. A code
never changes its meaning.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Code(NamedTuple):
    """One kind of finding."""

    message: str
    hint: str


_COPY = "restore the index from a copy kept elsewhere: git, or a store it was pushed to"
_ENTRY = "pull the bundle from a store it was pushed to; an index line is never taken back"

CODES: Final[dict[str, Code]] = {
    "index-malformed": Code("a line of the index cannot be read", _COPY),
    "index-torn": Code(
        "the last line of the index is cut short", "an add was killed: add that bundle again"
    ),
    "index-repeated": Code("a line of the index is there twice", _COPY),
    "index-moved": Code("a line of the index is not in its place", _COPY),
    "index-edited": Code("a line of the index was edited", _COPY),
    "index-removed": Code("a line was taken out before this one", _COPY),
    "index-truncated": Code(
        "lines are missing at the end of the index",
        "add the bundle again if its add was killed; else restore a copy kept elsewhere",
    ),
    "index-rewritten": Code("the index does not continue the copy", _COPY),
    "entry-unlisted": Code(
        "a bundle is here that the index does not list",
        "repair the index first; then add the bundle again",
    ),
    "entry-missing": Code("the index lists a bundle that is not here", _ENTRY),
    "entry-replaced": Code("the bundle's seal is not the one in the index", _ENTRY),
}


class Finding(NamedTuple):
    """One problem."""

    code: str  #: a key of `CODES`, or of `bundle.codes.CODES`
    where: str  #: relative to the archive; a line of the index by its number
    what: str
    hint: str
    bundle: str = ""  #: id of the bundle that explains it, or empty


def finding(code: str, where: str, detail: str = "", *, bundle: str = "") -> Finding:
    """Return a problem of the archive itself."""
    message, hint = CODES[code]
    return Finding(code, where, f"{message}: {detail}" if detail else message, hint, bundle)
