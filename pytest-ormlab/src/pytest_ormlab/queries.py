"""Queries as they are counted, and the object that any source reports them to."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Atomic groups, so that a part of a comment is never tried as something else.
_BLANK = r"\s | ; | --[^\n]*+ | (?>/\*.*?\*/)"
# A statement that begins, ends or divides a transaction, or puts a session back in order.
_ORDERLY = r"""
    (?:BEGIN | START | COMMIT | END | ROLLBACK | ABORT | SAVEPOINT | RELEASE | PREPARE\s+TRANSACTION
      | SET | RESET | DISCARD | DEALLOCATE | CLOSE | UNLISTEN)\b [^;]*+
    | SELECT\s+pg_advisory_unlock_all\(\)\s* (?:;|\Z)
"""
_FLAGS = re.VERBOSE | re.DOTALL | re.IGNORECASE
_EMPTY = re.compile(rf"(?:{_BLANK})*+", _FLAGS)
_UPKEEP = re.compile(rf"(?:{_BLANK} | {_ORDERLY})*+", _FLAGS)


@dataclass(frozen=True)
class Query:
    """One text that was executed once."""

    text: str  #: as it was sent, with its placeholders
    connection: int | None  #: its number, in the order of connecting; None if it is not known
    upkeep: bool  #: whether it only begins, ends or divides a transaction, or resets a session


@dataclass(eq=False)
class Captured:
    """What was executed during a block; it grows until the block ends."""

    everything: list[Query] = field(default_factory=list)  #: oldest first
    upkeep: bool = False  #: whether upkeep counts as a query

    @property
    def queries(self) -> list[Query]:
        """What counts, oldest first."""
        return [query for query in self.everything if self.upkeep or not query.upkeep]

    def __len__(self) -> int:
        return len(self.queries)

    def __str__(self) -> str:
        """The queries by number, repetitions in a row as one, and how many do not count."""
        lines, number = [], 0
        for query, same in groupby(self.queries):
            times = len(list(same))
            span = f"{number + 1}" if times == 1 else f"{number + 1}-{number + times}"
            told = [f"connection {query.connection}"] if query.connection else []
            told += [f"{times} times in a row"] if times > 1 else []
            note = f"  ({', '.join(told)})" if told else ""
            text = "\n".join(f"   {line}" for line in query.text.strip().splitlines())
            lines.append(f"{span}.{note}\n{text}")
            number += times
        left_out = len(self.everything) - number
        if left_out:
            lines.append(
                f"Not counted: {left_out} that begin or end transactions or reset sessions "
                "(upkeep=True counts them)."
            )
        return "\n".join(lines)


class Queries:
    """Where a source reports each query, from any thread; captures get those of their block.

    Nothing is kept while no capture is open.
    """

    def __init__(self, *, ignored: Iterable[str] = ()) -> None:
        """Make an empty one.

        Args:
            ignored: regular expressions; a text that one of them finds is not reported.

        Raises:
            re.error: an expression is none.
        """
        self._ignored = [re.compile(each) for each in ignored]
        self._captures: list[Captured] = []
        self._lock = threading.Lock()

    def record(self, text: str, *, connection: int | None = None) -> None:
        """Report one execution. A text without a statement is no query: some drivers ping so."""
        if _EMPTY.fullmatch(text) or any(each.search(text) for each in self._ignored):
            return
        query = Query(text, connection, upkeep=_UPKEEP.fullmatch(text) is not None)
        with self._lock:
            for captured in self._captures:
                captured.everything.append(query)

    @contextmanager
    def capture(self, *, upkeep: bool = False) -> Iterator[Captured]:
        """Give what is executed during the block; captures may overlap."""
        captured = Captured(upkeep=upkeep)
        with self._lock:
            self._captures.append(captured)
        try:
            yield captured
        finally:
            with self._lock:
                self._captures.remove(captured)
