"""A comparison as Markdown for a comment on a pull request, or for the summary of a job.

Text of the bundle is escaped, so that none of it is markup, and notifies nobody: GitHub would take
``@name`` for a mention of somebody and ``#1`` for one of an issue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Final

from analysis.rounding import amount, percent
from analysis.tables import markdown as rendering
from analysis.tables import results as tables
from analysis.tables.work import changed, differing, sent
from bundle.display import visible
from bundle.documents.results import opened
from ormlab.compare.limit import Outcome as Held
from ormlab.compare.words import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.tables import Table
    from bundle.documents.results import Cell, OperationPair, SideBySide
    from ormlab.compare.course import Outcome
    from ormlab.compare.limit import Limit

_LONGEST: Final = 60_000  # characters; GitHub takes 65,536
_LEFT_OUT: Final = "The rest is too long for a comment: the report in the artifact has it."
_MOST_LINES: Final = 40  # of an operation's statements
_MOST_OPERATIONS: Final = 10
_LONGEST_LINE: Final = 300
_NOTIFYING: Final = re.compile(r"[@#]")
_SPACE: Final = re.compile(r"\s+")
_HELD: Final = {
    Held.KEPT: "Within the limit: not slower by {share} or more.",
    Held.EXCEEDED: "**Beyond the limit: slower by {share} or more.**",
    Held.UNDECIDED: "**Undecided: this run can neither show nor exclude that it is slower by "
    "{share} or more.** Such a run fails no check, and does not say that nothing changed.",
}


@dataclass(frozen=True)
class Occasion:
    """What a comment says beside its bundle."""

    name: str  #: of the comparison: tells the comments on one pull request apart
    link: str | None = None  #: address of the bundle, or of the run that has it
    commit: str | None = None  #: that was measured, hex

    @property
    def marker(self) -> str:
        """How its comment begins: the next one of this name replaces that."""
        return f"<!-- ormlab comment {self.name} -->"


def markdown(outcome: Outcome, limit: Limit | None, occasion: Occasion) -> str:
    """The comment: the verdict first; at most as long as GitHub takes it.

    Args:
        outcome: of the comparison.
        limit: that a check holds it against; None without one.
        occasion: what the bundle does not say.
    """
    kept, left = [], _LONGEST
    for part in _parts(outcome, limit, occasion):
        left -= len(part) + 2
        if left < 0:
            kept.append(_LEFT_OUT)
            break
        kept.append(part)
    return "\n\n".join(kept) + "\n"


def _parts(outcome: Outcome, limit: Limit | None, occasion: Occasion) -> Iterator[str]:
    """Paragraphs and tables, the most important first."""
    results = outcome.results
    yield occasion.marker
    verdicts = "; ".join(f"{each.candidate}: {each.verdict}" for each in outcome.comparisons)
    yield f"### {_said(verdicts or 'Nothing was compared')}"
    for number, found in enumerate(outcome.comparisons):
        yield _said(opened(sentence(found), None if number else results.foreign_load))
        if limit:
            share = amount(100 * limit.share, "%")
            yield _HELD[limit.judge(found)].format(share=share)
        if found.detectable is not None:
            yield (
                f"Nine in ten runs like this one find a difference of "
                f"{percent(found.detectable, 1)}; smaller ones they may miss."
            )
    if outcome.missing:
        yield _said(outcome.missing.what)
    yield _source(outcome, occasion)
    for cell in results.cells:
        yield _said(f"{cell.title}:")
        yield _table(tables.comparisons(cell))
        yield from _work(cell)
        yield _folded("Figures of each subject", *_figures(cell))
    if results.weaknesses:
        yield _said(f"What weakens this: {'; '.join(results.weaknesses)}.")


def _source(outcome: Outcome, occasion: Occasion) -> str:
    """Where all of it stands, and what was measured."""
    bundle = _said(outcome.results.bundle)
    words = f"Bundle: {f'[{bundle}]({occasion.link})' if occasion.link else bundle}"
    return f"{words}, measured of {occasion.commit[:12]}." if occasion.commit else f"{words}."


def _figures(cell: Cell) -> Iterator[str]:
    for table in (tables.subjects(cell), tables.costs(cell)):
        yield _table(table.without(tables.DOUBTS))
    for control in cell.controls:
        outcome = control.outcome
        said = "passed" if outcome.passed else "failed"
        yield _said(f"{outcome.name} control of {control.baseline}: {said}: {outcome.what}")


def _work(cell: Cell) -> Iterator[str]:
    """What each pair sends to the database, as far as it differs."""
    if not cell.work:
        yield "The bundle has no record of the SQL."
    for work in cell.work:
        both = f"{work.baseline} and {work.candidate}"
        if work.answers == "different":
            yield f"**{_said(f'{both} answer differently: {work.differences[0]}')}**"
        table = changed(work)
        if not table.rows:
            yield _said(f"SQL: {both} send the same statements in the same round trips.")
            continue
        yield _said(f"SQL: {table.caption}:")
        yield _table(table)
        yield _folded("The statements that changed", _statements(work))


def _statements(work: SideBySide) -> str:
    """The statements of both sides as a diff, so far as it is short."""
    lines: list[str] = []
    pairs = differing(work)
    for pair in pairs[:_MOST_OPERATIONS]:
        lines += [f"# one {pair.operation}", *_diff(pair)]
    if len(pairs) > _MOST_OPERATIONS:
        lines.append(f"# and {len(pairs) - _MOST_OPERATIONS} more, which the report has")
    text = "\n".join(map(visible, lines))
    fence = "`" * max(3, 1 + rendering.longest_ticks(text))
    return f"{fence}diff\n{text}\n{fence}"


def _diff(pair: OperationPair) -> Sequence[str]:
    before, after = (_lines(sent(each.statements)) for each in (pair.baseline, pair.candidate))
    if before == after:
        return [f" {line}" for line in before]
    return [*unified_diff(before, after, n=_MOST_LINES, lineterm="")][3:]  # without its head


def _lines(statements: Sequence[str]) -> list[str]:
    lines = [_SPACE.sub(" ", each)[:_LONGEST_LINE] for each in statements[:_MOST_LINES]]
    if len(statements) > _MOST_LINES:
        lines.append(f"... and {len(statements) - _MOST_LINES} more")
    return lines


def _folded(title: str, *blocks: str) -> str:
    """What a page shows only when someone asks for it."""
    return "\n\n".join([f"<details><summary>{title}</summary>", *blocks, "</details>"])


def _said(text: str) -> str:
    """One line of plain text."""
    return _quiet(rendering.escaped(text))


def _table(table: Table) -> str:
    return _quiet(rendering.table(table))


def _quiet(text: str) -> str:
    """Markdown whose characters @ and # stand for themselves: an empty comment parts them."""
    return _NOTIFYING.sub(r"\g<0><!-- -->", text)
