"""Where a series of results changes its level.

A minimal detector for series of bundles, a few dozen values long; the steadiness of one trial is
another question with its own module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import ruptures

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST: Final = 6
"""Fewer values than this have no change points: the noise could not be told from a step."""

_SHORTEST: Final = 2  # one value alone is an outlier, not a level
_FINEST: Final = 1e-3  # no figure is repeated more finely, so noise below it is not believed
_NORMAL_MAD: Final = 0.6745  # of a standard normal


def change_points(values: Sequence[float]) -> tuple[int, ...]:
    """Return the positions at which a new level begins.

    PELT (Killick, Fearnhead and Eckley 2012) with squared error on the logarithms, so that a step
    is a ratio. For normal noise of variance s^2 a change point costs two parameters, its place and
    its level, but places are chosen as the best of n: the modified BIC of Zhang and Siegmund
    (2007) charges 3 log n for it, which makes the penalty 3 s^2 log n. s is estimated from the
    median absolute difference of neighbours, MAD / (0.6745 sqrt 2), which a few steps do not move.

    Args:
        values: positive, in the order of time.

    Returns:
        Positions, each the first of its level; empty for fewer than `FEWEST` values.
    """
    if len(values) < FEWEST:
        return ()
    signal = np.log(np.asarray(values, dtype=float)).reshape(-1, 1)
    differences = np.abs(np.diff(signal[:, 0]))
    noise = max(float(np.median(differences)) / (_NORMAL_MAD * 2**0.5), _FINEST)
    penalty = 3 * noise**2 * float(np.log(len(values)))
    search = ruptures.Pelt(model="l2", min_size=_SHORTEST, jump=1).fit(signal)
    return tuple(int(end) for end in search.predict(pen=penalty)[:-1])
