"""CPU time and memory of a trial's processes, from the samples the agent took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from bundle import tables

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bundle.documents.readings import Sampler

    type Integers = NDArray[np.int64]

_MOST_ROWS = 2**21  # an hour of ten looks a second at 58 processes
_MOST_PROCESSES = 20_000  # of a role, those that ended included
ROLES = ("service", "database", "load")
_MOST_UNSEEN_NS = 1_000_000_000


@dataclass(frozen=True)
class Used:
    """CPU seconds of each role in a window, and its largest sum of resident sets at one instant.

    Either is None where the role was not sampled, or not all of it.
    """

    cpu_s: dict[str, float | None]
    peak_rss_bytes: dict[str, int | None]


@dataclass(frozen=True)
class Looks:
    """When the agent looked, ascending on the monotonic clock, and the clock ticks used so far."""

    at_ns: Integers
    ticks: Integers

    def __len__(self) -> int:
        return len(self.at_ns)

    def within(self, span_ns: tuple[int, int]) -> Self:
        """The looks in a span, both ends included."""
        first = int(np.searchsorted(self.at_ns, span_ns[0], "left"))
        end = int(np.searchsorted(self.at_ns, span_ns[1], "right"))
        return type(self)(self.at_ns[first:end], self.ticks[first:end])


@dataclass(frozen=True)
class Course:
    """By role, the looks of each round that saw it.

    A look has the instant of the round's first reading, and the CPU time of the role's processes.
    """

    looks: dict[str, Looks]

    def together(self, *roles: str) -> Looks:
        """The looks at several roles; a role that a round did not see keeps its last CPU time."""
        parts = [self.looks[role] for role in sorted(roles)]
        at = np.concatenate([part.at_ns for part in parts])
        role = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        more = np.concatenate([np.diff(part.ticks, prepend=0) for part in parts])
        order = np.lexsort((role, at))
        return Looks(at[order], np.cumsum(more[order]))


def read(path: Path, sampler: Sampler, span_ns: tuple[int, int]) -> Used:
    """Read ``resources.parquet``.

    CPU time at the ends of the window is interpolated between the two samples around it, because
    the kernel counts in ticks of 10 ms and the sampler looks ten times a second. Where a process
    that ends leaves its ticks to its parent, the processes of a role are added up round by round;
    in older bundles what a process used is gone with it, and each is looked at alone.

    A role of which the sampler could not read every process, or of which it read none near an end
    of the window, has no figure.

    Args:
        path: columns round, at_ns, role, pid, user_ticks, system_ticks, rss_pages.
        sampler: what it told of itself.
        span_ns: begin and end of the window on the same monotonic clock.
    """
    rows = tables.read(path, most_rows=_MOST_ROWS)
    turn, at, role, pid, user, system, rss = rows.columns
    roles = role.to_numpy(zero_copy_only=False)
    turns, instants, pages = turn.to_numpy(), at.to_numpy(), rss.to_numpy()
    ticks = user.to_numpy() + system.to_numpy()
    alone = not sampler.ended_children
    pids = pid.to_numpy() if alone else np.zeros(len(turns), np.int64)
    inside = (span_ns[0] <= instants) & (instants <= span_ns[1])
    used: dict[str, float | None] = dict.fromkeys(ROLES)
    peaks: dict[str, int | None] = dict.fromkeys(ROLES)
    unknown = set(sampler.unread or ())
    for name in ROLES:
        of_role = roles == name
        for chosen in _by_process(pids, np.flatnonzero(of_role)):
            first, spent = _by_round(turns[chosen], ticks[chosen])
            samples = instants[chosen][first]
            if not alone and not _covered(samples, span_ns):
                unknown.add(name)
            share = _at(samples, spent, span_ns[1]) - _at(samples, spent, span_ns[0])
            used[name] = (used[name] or 0.0) + share / sampler.tick_hz
        _, sums = _by_round(turns[of_role & inside], pages[of_role & inside])
        if len(sums):
            peaks[name] = int(sums.max()) * sampler.page_bytes
    nothing = dict.fromkeys(unknown)
    return Used(used | nothing, peaks | nothing)


def read_resident(
    path: Path, page_bytes: int, span_ns: tuple[int, int]
) -> tuple[Integers, NDArray[np.float64]]:
    """When the agent looked at the service in a window, and the resident set of its processes.

    Args:
        path: as `read` takes it.
        page_bytes: of a page.
        span_ns: as `read` takes it.

    Returns:
        Instants on the monotonic clock, and bytes.
    """
    turn, at, role, *_, rss = tables.read(path, most_rows=_MOST_ROWS).columns
    instants = at.to_numpy()
    inside = (span_ns[0] <= instants) & (instants <= span_ns[1])
    chosen = np.flatnonzero(inside & (role.to_numpy(zero_copy_only=False) == "service"))
    first, pages = _by_round(turn.to_numpy()[chosen], rss.to_numpy()[chosen])
    return instants[chosen][first], pages.astype(float) * page_bytes


def read_course(path: Path) -> Course:
    """Read when the agent looked, and the CPU time of each role's processes at each look.

    Args:
        path: as `read` takes it, of a bundle whose ended processes leave their ticks to others.
    """
    rows = tables.read(path, most_rows=_MOST_ROWS)
    turn, at, role, _, user, system, _ = rows.columns
    roles = role.to_numpy(zero_copy_only=False)
    turns, instants, ticks = turn.to_numpy(), at.to_numpy(), user.to_numpy() + system.to_numpy()
    looks = {}
    for name in ROLES:
        chosen = np.flatnonzero(roles == name)
        first, used = _by_round(turns[chosen], ticks[chosen])
        seen = instants[chosen][first]
        order = np.lexsort((used, seen))
        looks[name] = Looks(seen[order], used[order])
    return Course(looks)


def _covered(instants: Integers, span_ns: tuple[int, int]) -> bool:
    """Whether a role was looked at near both ends of a window."""
    begin, end = span_ns
    return bool(instants[0] - begin <= _MOST_UNSEEN_NS and end - instants[-1] <= _MOST_UNSEEN_NS)


def _by_process(pids: Integers, rows: Integers) -> list[Integers]:
    """The rows of each process, in the order in which processes appear."""
    if not len(rows):
        return []
    _, first, counts = np.unique(pids[rows], return_index=True, return_counts=True)
    if len(first) > _MOST_PROCESSES:
        raise ValueError(f"there are samples of more than {_MOST_PROCESSES:,} processes")
    ordered = rows[np.argsort(pids[rows], kind="stable")]
    groups = np.split(ordered, np.cumsum(counts)[:-1])
    return [groups[position] for position in np.argsort(first)]


def _by_round(turns: Integers, values: Integers) -> tuple[Integers, Integers]:
    """The first row of each round, in the order of the rows, and the sum of the round's values."""
    _, first, rounds = np.unique(turns, return_index=True, return_inverse=True)
    sums = np.zeros(len(first), np.int64)
    np.add.at(sums, rounds, values)
    order = np.argsort(first)
    return first[order], sums[order]


def _at(instants: Integers, ticks: Integers, instant: int) -> float:
    """Ticks at an instant, between the samples around it; the nearest one outside of them."""
    if instant <= instants[0]:
        return int(ticks[0])
    around = np.flatnonzero((instants[:-1] <= instant) & (instant <= instants[1:]))
    if not len(around):
        return int(ticks[-1])
    before, after = (int(instants[around[0] + step]) for step in (0, 1))
    low, high = (int(ticks[around[0] + step]) for step in (0, 1))
    share = (instant - before) / (after - before) if after > before else 0.0
    return low + share * (high - low)
