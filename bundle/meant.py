"""What somebody may have meant: the known word that is nearest to one that is not known."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_NEAR = 0.6  # of 1 for the same letters; the default of the standard library
# A file that somebody made up may hold more and longer ones, and each costs time.
_LONGEST_WORD = 80
_MOST_KNOWN = 1000


def meant(word: str, known: Collection[str], form: str = "{}") -> str:
    """``did you mean 'demo'?`` in a form such as ``; {}``; nothing where no known word is near."""
    if len(word) > _LONGEST_WORD or len(known) > _MOST_KNOWN:
        return ""
    near = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=_NEAR)
    return form.format(f"did you mean {near[0]!r}?") if near else ""
