"""The course of one trial in equal windows, its steadiness, and the warm-up that several need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis import generators
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
from bundle import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow.parquet as pq
    from numpy.typing import NDArray

WINDOWS = 100  # of a trial, where its requests allow it
MOST_WINDOWS = 100_000  # whatever a client says of the length of its window
FEWEST_WINDOWS = 50  # ten batches of five: what MSER-5 needs to say anything
REQUESTS_PER_WINDOW = 20  # on average, so that a window is hardly ever empty
_NS = 1_000_000_000


@dataclass(frozen=True)
class Series:
    """One value for each window."""

    #: answers per second of a closed loop, mean response time in ms of an open one, where the
    #: arrivals decide the answers per second
    figure: Literal["throughput", "response time"]
    better: Literal["higher", "lower"]  #: higher or lower
    window_s: float  #: length of a window in seconds
    values: tuple[float, ...]  #: in order of time


def read_series(trial: Path, *, window_s: float | None = None) -> Series | None:
    """Read the course of a trial, a row group at a time.

    A request belongs to the window in which it was due. In a closed loop that is when it was sent,
    and it was sent because another was answered: so requests sent are answers, without the edge
    at the beginning where answers to earlier requests are no samples.

    Args:
        trial: its folder in a bundle.
        window_s: length of a window; by default a hundredth of the trial, longer where windows
            would hold fewer than 20 requests. What is left over at the end is left out.

    Returns:
        None without raw samples (wrk and the article's client leave none), and where they do not
        fill 50 windows.

    Raises:
        OSError: a page's checksum does not hold.
    """
    path = trial / "samples.parquet"
    if not path.exists():
        return None
    sampled = generators.of(trial).sampled
    if sampled is None:
        return None
    seconds = sampled.seconds
    with tables.opened(path) as file:
        if window_s is None:
            count = min(WINDOWS, file.metadata.num_rows // REQUESTS_PER_WINDOW)
            window_s = seconds / count if count else seconds
        else:
            count = min(int(seconds / window_s), MOST_WINDOWS)
        if count < FEWEST_WINDOWS:
            return None
        requests, waited_ns = _sums(file, count, window_s * _NS)
    if sampled.is_open:
        if not requests.all():
            return None
        means_ms = waited_ns / requests / 1e6
        return Series("response time", "lower", window_s, tuple(means_ms.tolist()))
    requests[0] = max(0, requests[0] - sampled.unasked)
    return Series("throughput", "higher", window_s, tuple((requests / window_s).tolist()))


def _sums(
    file: pq.ParquetFile, count: int, window_ns: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Requests due in each window, and the sum of their response times in nanoseconds."""
    requests, waited_ns = np.zeros(count), np.zeros(count)
    names = ["intended_ns", "end_ns"]
    for number in range(file.num_row_groups):
        table = file.read_row_group(number, columns=names)
        intended, end = (table.column(name).to_numpy() for name in names)
        index = (intended / window_ns).astype(np.int64)
        inside = index < count
        index, waited = index[inside], (end - intended)[inside]
        requests += np.bincount(index, minlength=count)
        waited_ns += np.bincount(index, weights=waited, minlength=count)
    return requests, waited_ns


@dataclass(frozen=True)
class Drift:
    """By what fraction of itself a figure changes over a whole trial, with its 95 % interval."""

    change: float
    low: float
    high: float


@dataclass(frozen=True)
class Steadiness:
    """What the course of a trial shows; instants are seconds from the start of its window."""

    series: Series
    shape: Shape
    #: relative change per second with its interval; None where the figure was mostly 0
    slope: Slope | None
    change_points_s: tuple[float, ...]  #: where the level changes
    levels: tuple[Segment, ...]  #: between the changes
    #: what MSER-5 would still leave out at the beginning; None where it finds the trial too short
    #: to say
    truncation_s: float | None

    @property
    def drift(self) -> Drift | None:
        """What the slope comes to over the whole trial."""
        if self.slope is None:
            return None
        seconds = len(self.series.values) * self.series.window_s
        slope = self.slope
        return Drift(slope.per_second * seconds, slope.low * seconds, slope.high * seconds)


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
    truncation = mser5(mean.tolist())
    return None if truncation is None else truncation * lengths.pop()
