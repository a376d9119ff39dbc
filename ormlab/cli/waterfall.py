"""A waterfall in text: a line for each step of a way, each beginning where the one before ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.rounding import figure
from ormlab.cli import page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.documents.explanation import ExplainedCell, Explanation

_LONGEST = 60  # characters of the longest bar
_BESIDE = 13  # characters of a line that are neither its name nor its bar
_WHOLE, _SAVED, _ADDED = "#", "-", "+"


def waterfall(explanation: Explanation, cell: ExplainedCell) -> Iterator[str]:
    """Lines of text, without colour: times of one answer along the way, in microseconds.

    A bar of ``-`` is time that a step saves, ``+`` time that it adds. Nothing where no block holds
    the whole way.
    """
    if cell.total.times is None:
        return
    first, last = cell.total.times
    level, levels, steps = first, [first, last], []
    for part in cell.parts:
        mean = part.time.mean if part.time else 0.0
        steps.append((part.name, mean, level, level + mean))
        level += mean
        levels.append(level)
    named = max(map(len, (explanation.from_, explanation.to, *(name for name, *_ in steps))))
    scale = min(_LONGEST, page.width() - named - _BESIDE) / max(levels)

    def line(name: str, shown: str, bar: str) -> str:
        return f"  {name:{named}}  {shown:>7}  {bar}".rstrip()

    yield line(explanation.from_, figure(first), _WHOLE * round(first * scale))
    for name, mean, start, end in steps:
        low, high = (round(at * scale) for at in sorted((start, end)))
        mark = _SAVED if mean < 0 else _ADDED
        shown = figure(mean) if mean < 0 else f"+{figure(mean)}"
        yield line(name, shown, " " * low + (mark * (high - low) or "|"))
    yield line(explanation.to, figure(last), _WHOLE * round(last * scale))
