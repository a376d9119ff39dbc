"""What others published: the output of a tool or a benchmark, as the draft of a ledger.

    result      what a format's reader returns: runs with figures, settings and doubts
    formats/    one module for each tool, and the registry of them
    draft       runs of one or more files as a ledger, with checks on their arithmetic

Every file is a stranger's: its size, encoding, nesting and numbers are limited before a reader
sees it, and whatever a reader does not expect is one `ResultError`.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from analysis.published.draft import draft
from analysis.published.formats import FORMATS, ResultFormat
from analysis.published.named import Origin
from analysis.published.result import PublishedRun, ResultError
from bundle import codec

if TYPE_CHECKING:
    from bundle.codec import Json

__all__ = [
    "FORMATS",
    "LARGEST",
    "Origin",
    "PublishedRun",
    "ResultError",
    "ResultFormat",
    "draft",
    "read",
]

LARGEST: Final = codec.LARGEST  # bytes of a JSON document
_LARGEST_TEXT: Final = 2**20  # characters; a tool prints a few thousand
_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
# Python's json, and so asv, writes NaN for a value that is not there, and Infinity for an end of an
# interval that one sample does not have (compute_stats of asv/statistics.py).
_NAN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|-?\b(?:NaN|Infinity)\b', re.DOTALL)


def read(data: bytes, name: str | None = None) -> tuple[ResultFormat, list[PublishedRun]]:
    """Read a file of a known format.

    Args:
        data: the file.
        name: of the format; None to find out which it is.

    Raises:
        ResultError: the file is too large, is no text, has no known format or fits several, or is
            not what the format says.
        KeyError: there is no format of this name.
    """
    if len(data) > LARGEST:
        raise ResultError(f"the file is larger than {LARGEST:,} bytes")
    text = _text(data)
    document = _document(text)
    chosen = FORMATS[name] if name else _detected(text, document)
    if document is not None:
        if chosen.document is None:
            raise ResultError(f"the file is JSON, and {chosen.name} prints none")
        runs = chosen.document(document)
    elif chosen.text is None:
        raise ResultError(f"the file is no JSON document, and a result of {chosen.name} is one")
    else:
        runs = chosen.text(text)
    if not runs:
        raise ResultError(f"the file has no run of {chosen.name}")
    return chosen, runs


def _text(data: bytes) -> str:
    """The text of a file, without colours; PowerShell writes UTF-16."""
    try:
        text = data.decode("utf-16" if data.startswith(_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = data.count(b"\n", 0, wrong.start) + 1
        raise ResultError("the file is neither UTF-8 nor UTF-16 text", line) from None
    if "\0" in text:
        raise ResultError("the file is no text: it has bytes of zero")
    return _COLOURS.sub("", text.replace("\r\n", "\n"))


def _document(text: str) -> dict[str, Json] | None:
    """The JSON object that a text is, or that follows what a tool says first; None without one."""
    if not text.lstrip().startswith("{"):
        if len(text) > _LARGEST_TEXT:
            raise ResultError(f"the text is longer than {_LARGEST_TEXT:,} characters")
        _, begins, rest = text.partition("\n{")
        try:
            return _parsed(f"{{{rest}") if begins else None
        except ValueError:
            return None
    try:
        return _parsed(text)
    except ValueError as wrong:
        line, reason = getattr(wrong, "lineno", 0), str(wrong)[:200]
        raise ResultError(f"the file begins like JSON and is none: {reason}", line) from None


def _parsed(text: str) -> dict[str, Json] | None:
    whole = _NAN.sub(lambda found: found[0] if found[0].startswith('"') else "null", text)
    document = codec.parse(whole.encode())
    return document if isinstance(document, dict) else None


def _detected(text: str, document: dict[str, Json] | None) -> ResultFormat:
    if document is None:
        fitting = [each for each in FORMATS.values() if each.mark and each.mark.search(text)]
    else:
        keys = document.keys()
        fitting = [each for each in FORMATS.values() if each.keys and keys >= set(each.keys)]
    names = [each.name for each in fitting]
    # What wrk2 prints has the first line of wrk as well.
    if names == ["wrk", "wrk2"]:
        return fitting[1]
    if len(names) == 1:
        return fitting[0]
    what = f"the file may be of {' or '.join(names)}" if names else "the format is unknown"
    raise ResultError(what)
