"""In which order the trials of a run are carried out."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bundle.documents.plan import Plan


@dataclass(frozen=True)
class Planned:
    """One trial that is to be carried out; ``repeat`` counts those of the same place before it."""

    index: int
    block: int
    subject: str
    workload: str
    load: str
    repeat: int = 0

    @property
    def id(self) -> str:
        """The name of its folder in the bundle: ``007-tortoise-read-one-wrk-b02``.

        A repeat ends in ``-r1``.
        """
        name = f"{self.index:03d}-{self.subject}-{self.workload}-{self.load}-b{self.block:02d}"
        return f"{name}-r{self.repeat}" if self.repeat else name

    def again(self) -> Planned:
        """The same trial once more."""
        return replace(self, repeat=self.repeat + 1)


def williams(count: int) -> list[list[int]]:
    """A Williams square: every item follows every other equally often, so carry-over balances.

    E. J. Williams, Aust. J. Sci. Res. A 2 (1949) 149: rows of the cyclic design on the zig-zag
    sequence 0, 1, n-1, 2, n-2, ...; an odd count needs the mirrored rows too.

    Returns:
        ``count`` rows (twice that for an odd count above 1), each a permutation of
        ``range(count)``.
    """
    zigzag = [(step + 1) // 2 if step % 2 else -step // 2 % count for step in range(count)]
    rows = [[(item + shift) % count for item in zigzag] for shift in range(count)]
    if count % 2 and count > 1:
        rows += [row[::-1] for row in rows]
    return rows


def schedule(plan: Plan, subjects: list[str], loads: list[str]) -> list[Planned]:
    """All trials in order: in each block, every load passes once over all subjects.

    The subjects' order comes from a Williams square whose rows and labels the plan's seed
    shuffles. The trials that are compared share a block and a load, so they begin seconds to
    minutes apart: a drift that is slower than a block falls on all of them alike.
    """
    draw = random.Random(plan.seed)  # noqa: S311 - a reproducible order, not a secret
    labels = draw.sample(subjects, len(subjects))
    cells = [(workload, load) for workload in plan.workloads for load in loads]
    rows: dict[tuple[str, str], list[list[int]]] = {cell: [] for cell in cells}
    planned: list[Planned] = []
    for block in range(1, plan.blocks + 1):
        for cell in draw.sample(cells, len(cells)):
            if not rows[cell]:
                square = williams(len(labels))
                rows[cell] = draw.sample(square, len(square))
            workload, load = cell
            for item in rows[cell].pop():
                index = len(planned) + 1
                planned.append(Planned(index, block, labels[item], workload, load))
    return planned
