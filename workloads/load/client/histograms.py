"""Latency histograms: whole microseconds, three digits, encoded as HdrHistogram V2 in base64."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hdrh.histogram import HdrHistogram

if TYPE_CHECKING:
    from collections.abc import Iterable

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
DIGITS = 3


class Histogram:
    """A histogram filled from counted values, after the window.

    Attributes:
        refused: values that lie outside the histogram's range: fatal for a trial above 0.
    """

    def __init__(self, highest_us: int = HIGHEST_US) -> None:
        self._histogram = HdrHistogram(LOWEST_US, highest_us, DIGITS)
        self.refused = 0

    @property
    def total(self) -> int:
        """How many values it holds."""
        return int(self._histogram.get_total_count())

    def add(self, values_ns: Iterable[int]) -> None:
        """Record durations in nanoseconds, rounded down to microseconds."""
        for value, count in Counter(each // 1000 for each in values_ns).items():
            if not self._histogram.record_value(value, count):
                self.refused += count

    def merge(self, encoded: bytes) -> None:
        """Add a histogram that ``encode`` made."""
        self._histogram.decode_and_add(encoded)

    def encode(self) -> bytes:
        """Return the V2 encoding, compressed, in base64: what .hdr files hold."""
        return bytes(self._histogram.encode())
