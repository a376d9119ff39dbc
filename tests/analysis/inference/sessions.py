"""Synthetic sessions: what the lab would record if a law of noise were all there is to measure.

A figure is exp of: a block's effect (a warm afternoon, a neighbour), plus a trial's (memory
layout, hash seeds, where the scheduler put what) with tails as heavy as those of Student's t with
five degrees of freedom, plus noise of every window of the trial; a drift multiplies it.

The noise is that of a host on which the bare-metal profile can be used: ln(A'/A) has a standard
deviation of 3 % between blocks, of which trials give 2 % each and 30 windows of 4.2 % the rest. The
2-core VM on which the lab was built has 4 %, with its neighbours, its steal and generator and
database on one core.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from analysis.inference import PairedSample
from ormlab.plan.schedule import williams

BASELINE, NULL, CANDIDATE = range(3)


@dataclass(frozen=True)
class Noise:
    """Standard deviations of natural logarithms."""

    block: float = 0.10
    trial: float = 0.02
    window: float = 0.042
    windows: int = 30
    tail: int = 5  # degrees of freedom

    @property
    def pair(self) -> float:
        """Standard deviation of a_b = ln y_A' - ln y_A."""
        return math.sqrt(2 * (self.trial**2 + self.window**2 / self.windows))


HOST = Noise()


def randomised(blocks, draw):
    """Orders of three subjects as the lab schedules them: a Williams square, shuffled."""
    labels = draw.sample(range(3), 3)
    rows = []
    for _ in range(blocks):
        rows = rows or draw.sample(williams(3), 6)
        yield [labels[item] for item in rows.pop()]


def one_after_the_other(blocks):
    """Which trial of the session each is when A runs all its blocks first, then A', then B."""
    return np.arange(3 * blocks).reshape(3, blocks).T


def interleaved(blocks, draw):
    """Which trial of the session each (block, subject) is, in randomised blocks."""
    orders = randomised(blocks, draw)
    return np.array([np.argsort(order) + 3 * block for block, order in enumerate(orders)])


def session(seed, *, effect=0.0, drift=0.0, blocks=20, noise=HOST, places=None):
    """Logarithms of throughput, shape (blocks, subjects, windows).

    Args:
        seed: of everything random.
        effect: relative, of the candidate.
        drift: relative, from the first to the last trial.
        blocks: how many.
        noise: the law.
        places: which trial of the session each (block, subject) is; randomised without it.
    """
    rng = np.random.default_rng(seed)
    if places is None:
        places = interleaved(blocks, random.Random(seed))
    logs = np.full((blocks, 3, noise.windows), math.log(1000.0))
    logs += noise.block * rng.standard_normal((blocks, 1, 1))
    unit = math.sqrt(noise.tail / (noise.tail - 2))
    logs += noise.trial / unit * rng.standard_t(noise.tail, (blocks, 3, 1))
    logs += noise.window * rng.standard_normal(logs.shape)
    logs[:, CANDIDATE] += math.log1p(effect)
    logs += np.log1p(-drift * places / (3 * blocks - 1))[:, :, np.newaxis]
    return logs


def paired(logs):
    """The sample of a session: a trial's figure is the mean of its windows."""
    figures = np.exp(logs).mean(axis=2)
    by_block = [dict(enumerate(column, start=1)) for column in figures.T.tolist()]
    return PairedSample.of(by_block[BASELINE], by_block[CANDIDATE], by_block[NULL])
