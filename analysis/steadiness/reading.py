"""The steadiness of one trial, and the warm-up that several trials need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.steadiness.estimators import (
    Segment,
    Shape,
    Slope,
    change_points,
    classify,
    mser5,
    segments,
    theil_sen,
)
from analysis.steadiness.series import read_series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.steadiness.series import Series


@dataclass(frozen=True)
class Drift:
    """By what fraction of itself a figure changes over a whole trial, with its 95 % interval."""

    change: float
    low: float
    high: float


@dataclass(frozen=True)
class Steadiness:
    """What the course of a trial shows; instants are seconds from the start of its window.

    Attributes:
        slope: relative change per second with its interval; None where the figure was mostly 0.
        change_points_s: where the level changes.
        levels: between the changes.
        truncation_s: what MSER-5 would still leave out at the beginning; None where it finds the
            trial too short to say.
    """

    series: Series
    shape: Shape
    slope: Slope | None
    change_points_s: tuple[float, ...]
    levels: tuple[Segment, ...]
    truncation_s: float | None

    @property
    def drift(self) -> Drift | None:
        """What the slope comes to over the whole trial."""
        if self.slope is None:
            return None
        seconds = len(self.series.values) * self.series.window_s
        found = self.slope
        return Drift(found.per_second * seconds, found.low * seconds, found.high * seconds)


def read(trial: Path) -> Steadiness | None:
    """Read the steadiness of a trial that was carried out.

    Args:
        trial: its folder in a bundle.

    Returns:
        None where the load leaves no course over time: wrk, the article's client, a search for
        the capacity, and trials with fewer than about a thousand requests.

    Raises:
        OSError: a page's checksum does not hold.
    """
    series = read_series(trial)
    return None if series is None else examine(series)


def examine(series: Series) -> Steadiness:
    """Examine a series of at least 50 windows.

    Raises:
        ValueError: there are fewer.
    """
    changes = change_points(series.values)
    levels = segments(series.values, changes)
    truncation = mser5(series.values)
    return Steadiness(
        series=series,
        shape=classify(levels, better=series.better),
        slope=theil_sen(series),
        change_points_s=tuple(each * series.window_s for each in changes),
        levels=levels,
        truncation_s=None if truncation is None else truncation * series.window_s,
    )


def warmup_needed(trials: Sequence[Series]) -> float | None:
    """Return the seconds that MSER-5 leaves out of the mean course of several trials.

    The trials are of one subject under one load, their windows of one length. Their mean, window
    by window, scatters less than any of them, as in Welch's procedure (Law, Simulation Modeling
    and Analysis, section 9.5.1).

    Returns:
        Seconds from the start of the measured window, beyond the warm-up the trials had; None
        where the trials are too short to say.

    Raises:
        ValueError: there is no series, or the windows are not of one length.
    """
    lengths = {each.window_s for each in trials}
    if len(lengths) != 1:
        raise ValueError(f"windows of one length are needed, not of {sorted(lengths)} s")
    windows = min(len(each.values) for each in trials)
    mean = np.mean([each.values[:windows] for each in trials], axis=0)
    found = mser5(mean.tolist())
    return None if found is None else found * lengths.pop()
