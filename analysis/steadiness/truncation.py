"""How much of the beginning of a series to leave out: MSER-5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 5
FEWEST_BATCHES = 10
_LAST_BATCHES = 5  # of so few a spread can be small by chance alone


def mser5(values: Sequence[float]) -> int | None:
    """Return how many values at the beginning belong to the warm-up.

    The series is cut into batches of five; left out are the first d batches that minimise
    sum((Z_j - mean)^2, j > d) / (m - d)^2, the squared standard error of the mean of the others
    (White, Simulation 69 (1997) 323; in batches of five White, Cobb and Spratt, Winter Simulation
    Conference 2000; Franklin and White, Winter Simulation Conference 2008, on why it works). The
    rule says nothing where the minimum lies in the second half: the series is too short then.

    Args:
        values: at least 50; those that do not fill a batch at the end are left out.

    Returns:
        A multiple of five; None where the series is too short for its warm-up.

    Raises:
        ValueError: there are fewer than 50 values.
    """
    batches = len(values) // BATCH
    if batches < FEWEST_BATCHES:
        raise ValueError(f"MSER-5 needs {FEWEST_BATCHES * BATCH} windows, not {len(values)}")
    z = np.asarray(values[: batches * BATCH], dtype=float).reshape(batches, BATCH).mean(axis=1)
    spreads = [float(np.var(z[d:])) / (batches - d) for d in range(batches - _LAST_BATCHES)]
    best = int(np.argmin(spreads))
    return best * BATCH if best <= batches / 2 else None
