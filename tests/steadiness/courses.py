"""Synthetic courses of trials whose truth is known."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from analysis.steadiness import Series

WINDOW_S = 0.05


def noise(windows: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    """AR(1) noise of variance 1."""
    steps = rng.standard_normal(windows + 200)
    return (lfilter([1], [1, -rho], steps) * np.sqrt(1 - rho**2))[200:]


def course(level, *, rho=0.0, spread=0.05, rng) -> Series:
    """A throughput around ``level``, relative to 1,000 req/s, with noise of relative spread."""
    level = np.asarray(level, dtype=float)
    values = 1000 * (level + spread * noise(len(level), rho, rng))
    return Series("throughput", "higher", WINDOW_S, tuple(values.tolist()))


def step(windows: int, at: float, before: float, after: float) -> np.ndarray:
    """One level up to a fraction of the trial, another after it."""
    return np.where(np.arange(windows) < at * windows, before, after)
