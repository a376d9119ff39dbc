"""Quantiles of latencies, from exact bins or from HdrHistogram files.

A quantile is quoted only if enough samples lie beyond it: p needs n >= 10 / (1 - p), so the median
needs 20 samples, p99 a thousand.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Self

from hdrh.histogram import HdrHistogram

from bundle import outside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

QUANTILES = (0.5, 0.9, 0.99, 0.999)
BEYOND = 10

# HdrHistogram V2: cookie and length, then compressed the head of the payload, and counts.
_OUTER = struct.Struct(">ii")
_INNER = struct.Struct(">iiiiqqd")
_LARGEST = 2**19  # bytes of a payload; one with 25,000 bins that all hold something has a third
_MOST_DIGITS = 3
_HIGHEST = 2**42  # microseconds: 50 days

Bins = tuple[tuple[int, int], ...]
"""Microseconds and count, ascending."""


@dataclass(frozen=True)
class Histogram:
    """What limits need of a histogram; quantiles by nearest rank, None without samples."""

    total: int  #: samples
    p50_ms: float | None  #: the median
    p99_ms: float | None  #: the 99th percentile, however few the samples are: not to be published

    @classmethod
    def of(cls, bins: Bins) -> Self:
        """Sum up a histogram's bins."""
        if not bins:
            return cls(0, None, None)
        half, most = (nearest_rank(bins, quantile) / 1000 for quantile in (0.5, 0.99))
        return cls(total(bins), half, most)


def total(bins: Bins) -> int:
    """Return the number of samples."""
    return sum(count for _, count in bins)


def mean(bins: Bins) -> float | None:
    """Return the mean in microseconds; None without samples."""
    samples = total(bins)
    return sum(value * count for value, count in bins) / samples if samples else None


def deviation(bins: Bins) -> float | None:
    """Return the standard deviation in microseconds, by n - 1; None with fewer than two samples.

    None also if a count is negative, as where wrk's corrections cannot be taken out.
    """
    samples, centre = total(bins), mean(bins)
    if centre is None or samples == 1 or any(count < 0 for _, count in bins):
        return None
    squares = sum(count * (value - centre) ** 2 for value, count in bins)
    return math.sqrt(squares / (samples - 1))


def quotable(quantile: float, samples: int) -> bool:
    """Whether enough samples lie beyond a quantile: n >= 10 / (1 - p)."""
    return samples * (1 - _exact(quantile)) >= BEYOND


def quantiles(bins: Bins, wanted: Iterable[float] = QUANTILES) -> dict[float, int | None]:
    """Return quantiles by nearest rank: the smallest value with at least p x n samples up to it.

    Args:
        bins: microseconds and count, ascending.
        wanted: in (0, 1).

    Returns:
        By quantile, microseconds; None where there are too few samples to quote it.

    Raises:
        ValueError: a wanted quantile is not inside (0, 1).
    """
    samples = total(bins)
    return {
        quantile: nearest_rank(bins, quantile) if quotable(quantile, samples) else None
        for quantile in wanted
    }


def nearest_rank(bins: Bins, quantile: float) -> int:
    """Return the smallest value with at least p x n samples up to it, however few they are.

    For limits, not for figures: those come from ``quantiles``.

    Raises:
        ValueError: there are no samples, or the quantile is not inside (0, 1).
    """
    return _at_rank(bins, max(1, math.ceil(_exact(quantile) * total(bins))))


def read_hdr(path: Path) -> Bins:
    """Read the bins of a histogram encoded as HdrHistogram V2 in base64.

    Returns:
        Each bin with the highest value it stands for, which is at most 0.1 % above any sample of
        it at three digits.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not such a histogram.
    """
    return decode_hdr(outside.bytes_of(path), where=str(path))


def decode_hdr(encoded: bytes, *, where: str) -> Bins:
    """Return the bins of such a histogram; ``where`` names it in the error.

    Raises:
        ValueError: it is not such a histogram.
    """
    histogram = histogram_of(encoded, where=where)
    # The library's own iterator computes the value of every bin, of which few hold anything.
    counts = histogram.counts[: histogram.encoder.payload.counts_len]
    return tuple(
        (int(histogram.get_highest_equivalent_value(histogram.get_value_from_index(bin_))), int(n))
        for bin_, n in enumerate(counts)
        if n
    )


def histogram_of(encoded: bytes, *, where: str) -> HdrHistogram:
    """Decode a histogram, which may be a stranger's: its size in memory is bounded beforehand.

    Raises:
        ValueError: it is not such a histogram, or has more bins than the lab's have.
    """
    try:
        _check_size(base64.b64decode(encoded.strip(), validate=True))
        return HdrHistogram.decode(encoded.strip())
    except Exception as wrong:  # noqa: BLE001 - the codec raises seven kinds, RuntimeError too
        raise ValueError(f"{where} is not an HdrHistogram: {wrong!r}") from None


def is_filled_by(path: Path, durations: Mapping[int, int]) -> bool:
    """Whether whole microseconds, by count, fill a histogram as the one in a file is filled.

    Raises:
        OSError, ValueError: as `read_hdr`.
    """
    told = histogram_of(outside.bytes_of(path), where=path.name)
    again = HdrHistogram(
        told.lowest_trackable_value, told.highest_trackable_value, told.significant_figures
    )
    for value, count in durations.items():
        again.record_value(value, count)
    return bool(told.encode() == again.encode())


def _check_size(packed: bytes) -> None:
    """Refuse what unpacks to more than a histogram of the lab's, or has more bins."""
    stream = zlib.decompressobj()
    payload = stream.decompress(packed[_OUTER.size :], _LARGEST)
    if stream.unconsumed_tail:
        raise ValueError(f"it unpacks to more than {_LARGEST} bytes")
    _, _, _, digits, lowest, highest, _ = _INNER.unpack_from(payload)
    if not (1 <= digits <= _MOST_DIGITS and 1 <= lowest <= highest <= _HIGHEST):
        raise ValueError(f"it has {digits} digits from {lowest} to {highest}")


def _at_rank(bins: Bins, rank: int) -> int:
    below = 0
    for value, count in bins:
        below += count
        if below >= rank:
            return value
    raise ValueError(f"there is no rank {rank} in {below} samples")


def _exact(quantile: float) -> Fraction:
    if not 0 < quantile < 1:
        raise ValueError(f"a quantile lies inside (0, 1), not at {quantile}")
    # 1 - 0.99 is not 0.01 in binary: 1,000 samples would be one too few.
    return Fraction(str(quantile))
