"""A figure in equal windows of one trial, from the samples in its ``samples.parquet``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis import generators
from bundle import tables

if TYPE_CHECKING:
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
    """One value for each window.

    Attributes:
        figure: answers per second of a closed loop, mean response time in ms of an open one,
            where the arrivals decide the answers per second.
        better: higher or lower.
        window_s: length of a window in seconds.
        values: in order of time.
    """

    figure: Literal["throughput", "response time"]
    better: Literal["higher", "lower"]
    window_s: float
    values: tuple[float, ...]


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
