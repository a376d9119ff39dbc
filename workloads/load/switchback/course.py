"""The course of a block: how long its slices are, how many rounds it has, and whose turn it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import UNSET

from bundle.generators.slices import HostSlice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bundle.generators.slices import Slice
    from workloads.load.switchback.hosts import OnHost, UsedInSlice
    from workloads.load.switchback.meter import Value


class Place(NamedTuple):
    """Where a turn stands."""

    round: int  #: from 1
    position: int  #: of the subject in its round, from 1
    after: str | None  #: subject of the turn before; None of the first
    subject: str  #: whose turn it is


@dataclass(frozen=True, slots=True)
class Visit[Turn]:
    """One turn of a subject, with what lies around it."""

    place: Place
    turn: Turn  #: the slice
    used: UsedInSlice  #: within the slice
    rested_ns: int  #: since the subject's turn before, or its warm-up, until it was asked
    rest: Value  #: CPU time of the service in that time


def turns(order: Iterable[Sequence[str]]) -> Iterator[Place]:
    """The turns of rounds."""
    after = None
    for number, names in enumerate(order, start=1):
        for position, name in enumerate(names, start=1):
            yield Place(number, position, after, name)
            after = name


def in_time[Round](
    order: Iterable[Round], until_ns: int | None, *, now: Callable[[], int] = monotonic_ns
) -> Iterator[Round]:
    """Give rounds until the time is over: one at least, and no other that would end after it.

    The time that a round takes is known from those before it, so what decides has nothing to do
    with what they measured of one subject or another.

    Args:
        order: the rounds.
        until_ns: when the time is over; None if it never is.
        now: the clock.
    """
    began = now()
    for done, each in enumerate(order):
        if done and until_ns is not None and now() + (now() - began) / done > until_ns:
            return
        yield each


def fitting_s(
    enough_s: float, around_s: Sequence[float], *, left_s: float, least_s: float, step_s: float
) -> float:
    """The length of slices of which each subject can have one in the time that is left.

    Args:
        enough_s: the length that they should have.
        around_s: by subject, what its turn takes beyond the slice.
        left_s: of the block's time.
        least_s: the shortest length, whatever the time.
        step_s: lengths in between are multiples of it.

    Returns:
        As much of ``enough_s`` as the time allows.
    """
    room_s = (left_s - sum(around_s)) / len(around_s)
    if room_s >= enough_s:
        return enough_s
    return min(enough_s, max(least_s, math.floor(room_s / step_s) * step_s))


def described[S: Slice, Turn](
    kind: type[S],
    visit: Visit[Turn],
    unread: dict[str, str],
    **of_turn: Any,  # noqa: ANN401 - fields of the kind, which msgspec checks when a report is read
) -> S:
    """A turn as a report has it.

    Args:
        kind: of slices.
        visit: the turn.
        unread: takes, by field, why a reading is null.
        of_turn: the fields that depend on the generator.
    """

    def known(field: str, read: Value) -> int | None:
        if isinstance(read, str):
            unread.setdefault(field, read)
        return _known(read)

    used = visit.used
    number, position, after, _ = visit.place
    return kind(
        round=number,
        position=position,
        after=after,
        service_ns=known("service_ns", used.service),
        database_ns=known("database_ns", used.database),
        load_ns=used.load,
        delay_ns=known("delay_ns", used.delay),
        steal_ns=known("steal_ns", used.steal),
        foreign_ns=known("foreign_ns", used.foreign),
        rested_ns=visit.rested_ns,
        rest_ns=known("rest_ns", visit.rest),
        hosts={role: _on_host(each) for role, each in used.hosts.items()} or UNSET,
        **of_turn,
    )


def _on_host(told: OnHost) -> HostSlice:
    """What one host did; why a reading is null stands at the sum over all hosts."""
    return HostSlice(
        steal_ns=_known(told.steal), foreign_ns=_known(told.foreign), late_ns=told.late_ns
    )


def _known(read: Value) -> int | None:
    return None if isinstance(read, str) else read
