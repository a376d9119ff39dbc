"""What one generator process tells its parent about the window it measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import sub
from typing import TYPE_CHECKING, Any

from workloads.load.client.histograms import Histogram

if TYPE_CHECKING:
    from workloads.load.client.failure import LoadError
    from workloads.load.client.samples import Chunk


@dataclass(kw_only=True)
class Summary:
    """One process, one window."""

    pid: int  #: its process id
    operations: list[str]  #: names, by the index that samples have
    expected: dict[str, int]  #: by operation, its status of success
    failure: LoadError | None  #: why the window ended early; None if it did not
    stopped: int  #: when it ended, in monotonic nanoseconds
    answered: int  #: answers inside the window, whenever asked for
    planned: int | None  #: arrivals due in the window; None in a closed loop
    failed: int  #: requests due in the window whose answer an error took away
    errors: Counter[str]  #: by kind, inside the window and after it
    warmup_errors: Counter[str]  #: by kind, before the window
    bodies: dict[str, Any]  #: as ``Bodies.as_dict`` tells
    cpu_s: float  #: CPU seconds inside the window
    lags_ns: list[int]  #: how late the event loop was, tick by tick
    #: samples by operation index and status; status 0 is no answer
    answers: Counter[tuple[int, int]] = field(default_factory=Counter)
    unsent: int = 0  #: samples that were never sent
    #: response, service and dispatch, encoded; no dispatch in a closed loop
    histograms: dict[str, bytes] = field(default_factory=dict)
    refused: int = 0  #: values out of the histograms' range
    peak_rss_bytes: int = 0  #: peak resident memory


class Tally:
    """Adds the samples up, chunk by chunk."""

    def __init__(self, *, open_loop: bool) -> None:
        self._answers: Counter[tuple[int, int]] = Counter()
        self._unsent = 0
        self._service = Histogram()
        self._response = Histogram() if open_loop else self._service
        self._dispatch = Histogram() if open_loop else None

    def add(self, chunk: Chunk) -> None:
        """Add some rows."""
        self._answers.update(zip(chunk.operation, chunk.status, strict=True))
        service = list(map(sub, chunk.end_ns, chunk.sent_ns))
        if 0 in chunk.status:
            # What was never sent has no service time.
            sent = [ns for ns, status in zip(service, chunk.status, strict=True) if ns or status]
            self._unsent += len(service) - len(sent)
            service = sent
        self._service.add(service)
        if self._dispatch is not None:
            self._response.add(map(sub, chunk.end_ns, chunk.intended_ns))
            self._dispatch.add(map(sub, chunk.sent_ns, chunk.intended_ns))

    def into(self, summary: Summary) -> None:
        """Put the sums into a summary."""
        kinds = {"response": self._response, "service": self._service, "dispatch": self._dispatch}
        present = {name: each for name, each in kinds.items() if each is not None}
        summary.histograms = {name: each.encode() for name, each in present.items()}
        summary.refused = sum(each.refused for each in set(present.values()))
        summary.answers = self._answers
        summary.unsent = self._unsent
