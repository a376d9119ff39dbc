"""The entries of the registry of host items, and the host from which they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .kernel import Files
from .moment import Moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .expectation import Expectation
    from .knob import Knob

type Count = int | dict[str, int]
"""A counter, or one by CPU."""


@dataclass
class Place(Files):
    """A host over an interval, and what a run needs of it.

    Attributes:
        folder: the lab's folder on that host.
        ports: TCP ports on which a run will listen.
        uv: the program that makes the stacks' environments; None if the caller names none.
        before: counters at the start of the interval.
        after: counters at its end.
    """

    folder: Path
    ports: tuple[int, ...] = ()
    uv: str | None = None
    before: Moment = field(default_factory=Moment)
    after: Moment = field(default_factory=Moment)


@dataclass(frozen=True)
class Fact:
    """The record of an item among the facts of a host; without a value, the item's own counts.

    Attributes:
        key: in the record.
        meaning: one phrase.
        read: the value, if the record has it in another form.
        identity: whether it belongs to the host fingerprint. A value that changes between two runs
            on an unchanged host, such as free memory, does not.
    """

    key: str = ""
    meaning: str = ""
    read: Callable[[Place], object] | None = None
    identity: bool = True


@dataclass(frozen=True)
class Counter:
    """How an item is counted around the window of each trial; the counter only rises.

    Attributes:
        read: the counter now.
        key: in the record; empty for the item's own.
        meaning: with its unit; empty for the item's own.
    """

    read: Callable[[Files], Count]
    key: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Item:
    """One property of a host.

    Reading functions raise NotReadable, OSError, ValueError or LookupError if the host does not
    say; the record then has null, never 0.

    Attributes:
        key: its name.
        meaning: one phrase.
        source: the file, program or call it comes from.
        unit: of its value; None for words, counts and flags.
        read: the value before a run; None for an item that is only counted or set.
        fact: its place among the facts, which decide whether two results may be compared.
        expected: what it should be. The items that have this are the readings of a host, which
            decide whether to measure at all.
        why: the reason for ``expected``, one sentence.
        do: what to do about a breach, one sentence.
        counter: how it is counted around the window of each trial.
        knob: how a role sets and restores it.
    """

    key: str
    meaning: str
    source: str
    unit: str | None = None
    read: Callable[[Place], object] | None = None
    fact: Fact | None = None
    expected: Expectation | None = None
    why: str = ""
    do: str = "nothing"
    counter: Counter | None = None
    knob: Knob | None = None
