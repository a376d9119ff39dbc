"""Raw samples in memory: one packed record an answer, turned into columns after the window."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Intended, sent and end as monotonic nanoseconds, operation index, status. Packing all five in one
# call costs half of what appending to five columns does.
_RECORD = Struct("<qqqHH")
_CHUNK_ROWS = 1 << 14

pack_record: Callable[[int, int, int, int, int], bytes] = _RECORD.pack


class Chunk(NamedTuple):
    """Some rows of the window; instants in nanoseconds from its start."""

    intended_ns: array[int]
    sent_ns: array[int]
    end_ns: array[int]
    operation: array[int]
    status: array[int]


class Samples:
    """The records of one process.

    Answers are appended as they come in, so their ends ascend. A bytearray grows by an eighth at a
    time and the C library moves large blocks by remapping pages: appending never pauses to copy.

    Attributes:
        append: adds what ``pack_record`` packed.
    """

    def __init__(self) -> None:
        self._records = bytearray()
        self._censored: list[tuple[int, int, int, int]] = []
        self.append: Callable[[bytes], None] = self._records.extend

    def __len__(self) -> int:
        return len(self._records) // _RECORD.size

    def censor(self, intended: int, sent: int, end: int, operation: int) -> None:
        """Add a request whose waiting ended at ``end`` without an answer: its status is 0."""
        self._censored.append((intended, sent, end, operation))

    def forget_before(self, instant: int) -> None:
        """Drop what ended before ``instant``."""
        del self._records[: self._ended_before(instant) * _RECORD.size]
        self._censored = [each for each in self._censored if each[2] >= instant]

    @property
    def last_end(self) -> int:
        """When the last answer came; 0 if there is none."""
        if not self._records:
            return 0
        return int(_RECORD.unpack_from(self._records, len(self._records) - _RECORD.size)[2])

    def keep(self, rows: int) -> None:
        """Drop all but the first rows."""
        del self._records[rows * _RECORD.size :]

    def rows(self, first: int, stop: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield intended, sent, end, operation and status of the rows from ``first`` to ``stop``.

        Instants are monotonic nanoseconds. Nothing may be added before the last row is taken.
        """
        with memoryview(self._records) as records:
            part = records[first * _RECORD.size : stop * _RECORD.size]
            yield from _RECORD.iter_unpack(part)

    def answered_between(self, start: int, stop: int) -> int:
        """Count the answers in [start, stop), whenever they were asked for."""
        return self._ended_before(stop) - self._ended_before(start)

    def close(self) -> None:
        """Append the censored rows; nothing is added and no answer is counted after this."""
        for row in self._censored:
            self.append(pack_record(*row, 0))
        self._censored = []

    def due_between(self, start: int, stop: int) -> int:
        """Count the rows that were due in [start, stop)."""
        return sum(start <= due < stop for due, *_ in _RECORD.iter_unpack(self._records))

    def chunks(self, start: int, stop: int) -> Iterator[Chunk]:
        """Yield the rows that were due in [start, stop), a few at a time."""
        with memoryview(self._records) as records:
            size = _CHUNK_ROWS * _RECORD.size
            for first in range(0, len(records), size):
                rows = _RECORD.iter_unpack(records[first : first + size])
                kept = [row for row in rows if start <= row[0] < stop]
                if not kept:
                    continue
                intended, sent, end, operation, status = zip(*kept, strict=True)
                yield Chunk(
                    array("q", [instant - start for instant in intended]),
                    array("q", [instant - start for instant in sent]),
                    array("q", [instant - start for instant in end]),
                    array("H", operation),
                    array("H", status),
                )

    def _ended_before(self, instant: int) -> int:
        def end(row: int) -> int:
            return int(_RECORD.unpack_from(self._records, row * _RECORD.size)[2])

        return bisect_left(range(len(self)), instant, key=end)
