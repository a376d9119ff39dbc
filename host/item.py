"""The entries of the registry of host items, and the host from which they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .kernel import Files
from .moment import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .expectation import Expectation
    from .knob import Knob
    from .spinning import Spun

type Count = int | dict[str, int]
"""A counter, or one by CPU."""


@dataclass
class Place(Files):
    """A host over an interval, and what a run needs of it."""

    folder: Path  #: the lab's folder on that host
    ports: tuple[int, ...] = ()  #: TCP ports on which a run will listen
    #: the program that makes the stacks' environments; None if the caller names none
    uv: str | None = None
    before: Moment = field(default_factory=Moment)  #: counters at the start of the interval
    after: Moment = field(default_factory=Moment)  #: counters at its end
    #: what each measured CPU lost while it spun after that; or why it did not spin
    jitter: Mapping[int, Spun] | str = "nobody asked for it"


@dataclass(frozen=True)
class Fact:
    """The record of an item among the facts of a host; without a value, the item's own counts."""

    key: str = ""  #: in the record
    meaning: str = ""  #: one phrase
    #: the value, if the record has it in another form
    read: Callable[[Place], object] | None = None
    #: whether it belongs to the host fingerprint. A value that changes between two runs on an
    #: unchanged host, such as free memory, does not
    identity: bool = True


@dataclass(frozen=True)
class Counter:
    """How an item is counted around the window of each trial; the counter only rises."""

    read: Callable[[Files], Count]  #: the counter now
    key: str = ""  #: in the record; empty for the item's own
    meaning: str = ""  #: with its unit; empty for the item's own


@dataclass(frozen=True)
class Item:
    """One property of a host.

    Reading functions raise NotReadable, OSError, ValueError or LookupError if the host does not
    say; the record then has null, never 0.
    """

    key: str  #: its name
    meaning: str  #: one phrase
    source: str  #: the file, program or call it comes from
    unit: str | None = None  #: of its value; None for words, counts and flags
    #: the value before a run; None for an item that is only counted or set
    read: Callable[[Place], object] | None = None
    #: its place among the facts, which decide whether two results may be compared
    fact: Fact | None = None
    #: what it should be. The items that have this are the readings of a host, which decide whether
    #: to measure at all
    expected: Expectation | None = None
    why: str = ""  #: the reason for ``expected`` and for setting it, one sentence
    do: str = "nothing"  #: what to do about a breach, one sentence
    counter: Counter | None = None  #: how it is counted around the window of each trial
    knob: Knob | None = None  #: how a role sets and restores it
