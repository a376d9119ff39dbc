"""What a run reports while it goes on; the command line decides how that looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from analysis.figures import Figures
    from ormlab.plan import Planned


@dataclass(frozen=True)
class TrialNews:
    """One trial has ended."""

    trial: Planned  #: which
    total: int  #: planned trials of the run
    figures: Figures | None  #: None if it failed before it measured
    status: str  #: ok, or the code of its failure
    eta_s: float  #: expected seconds until the last trial ends


class Progress(Protocol):
    """Receives the news of a run."""

    def stage(self, what: str) -> None:
        """A new stage has begun."""
        ...

    def trial(self, news: TrialNews) -> None:
        """A trial has ended."""
        ...

    def note(self, what: str) -> None:
        """What is known so far, which no later line takes back."""
        ...

    def warn(self, what: str) -> None:
        """Something that weakens the result, with what to do about it."""
        ...
