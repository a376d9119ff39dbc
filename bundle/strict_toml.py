"""TOML of a stranger, read in bounded time and memory.

`tomllib` makes a table for each part of a dotted key, recurses into every nesting, and takes time
quadratic in the parts of a key: 60 KB of dots cost it 5 GB. Limits on the text prevent that.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

LIMIT_BYTES: Final = 2**18  # the lab's stacks.toml has 6 KB
LONGEST_LINE: Final = 4096  # characters; the lab's longest has 103
MOST_PARTS: Final = 8  # of a dotted key or the name of a table; the lab uses 2
DEEPEST: Final = 8  # brackets open on one line; the lab nests 1

_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_DOTS: Final = re.compile(r"[^=\[\]{},]*")


def load(data: bytes) -> dict[str, Any]:
    """Read a document.

    Raises:
        ValueError: it is not TOML in UTF-8, or above a limit; the message names the line.
    """
    if len(data) > LIMIT_BYTES:
        raise ValueError(f"the file is larger than {LIMIT_BYTES:,} bytes")
    text = data.decode()
    nested = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise ValueError(f"line {number} is longer than {LONGEST_LINE:,} characters")
        bare = _TEXT.sub('""', line).partition("#")[0]
        if any(part.count(".") >= MOST_PARTS for part in _DOTS.findall(bare)):
            raise ValueError(f"line {number} has a name of more than {MOST_PARTS} parts")
        nested += sum(bare.count(bracket) for bracket in "[{")
        if nested > DEEPEST:
            raise ValueError(f"line {number} is nested more than {DEEPEST} levels deep")
        nested = max(0, nested - sum(bare.count(bracket) for bracket in "]}"))
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
