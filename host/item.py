"""What one entry of the registry of host items says, and where its value is read."""

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
    """A host at one time, and what a run wants of it.

    Attributes:
        folder: the lab's on that host.
        ports: TCP ports that a run will want.
        uv: the program that makes the stacks' environments; None where nobody said.
        before: counters at the start of an interval.
        after: those at its end.
    """

    folder: Path
    ports: tuple[int, ...] = ()
    uv: str | None = None
    before: Moment = field(default_factory=Moment)
    after: Moment = field(default_factory=Moment)


@dataclass(frozen=True)
class Fact:
    """That an item is one of the facts of a host, which a run keeps.

    Attributes:
        key: in the record; empty for the item's own.
        meaning: one phrase; empty for the item's own.
        read: the value where the record has it in another form; None for the item's own.
        identity: whether it belongs to the host fingerprint. What moves between two runs on an
            unchanged host, such as free memory, does not.
    """

    key: str = ""
    meaning: str = ""
    read: Callable[[Place], object] | None = None
    identity: bool = True


@dataclass(frozen=True)
class Counter:
    """That an item is counted around the window of each trial; it only rises.

    Attributes:
        read: the counter as it stands.
        key: in the record; empty for the item's own.
        meaning: with its unit; empty for the item's own.
    """

    read: Callable[[Files], Count]
    key: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Item:
    """One thing that can be known of a host.

    Reading functions raise NotReadable, OSError, ValueError or LookupError where the host does
    not say; the record then has null, and never 0.

    Attributes:
        key: its name.
        meaning: its meaning in one phrase.
        source: the file, program or call it comes from.
        unit: of its value; None for words, counts and flags.
        read: the value before a run; None for what is only counted or set.
        fact: whether it is one of the facts, that decide whether two results may be compared.
        expected: what it should be; the items that have this are the readings of a host, which
            decide whether to measure at all.
        why: it matters what it is, one sentence.
        do: about a breach, one sentence.
        counter: whether it is counted around the window of each trial.
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
