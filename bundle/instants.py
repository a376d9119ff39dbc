"""The instants of a run in their order, although a wall clock may be set back while it goes on.

Nothing is lost for that: an instant that the clock puts before one which the run has recorded
already is recorded as that one, with how far the clock was behind. Durations are none of this; they
come from clocks that nobody sets.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import UNSET, UnsetType

from bundle.read import read_trials
from bundle.seal import interruptions

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

# The orchestrator and the host may read different clocks.
SKEW: Final = timedelta(seconds=60)


def in_order(told: datetime, latest: datetime) -> tuple[datetime, int | UnsetType]:
    """Return an instant that is not before the latest one of its run.

    Args:
        told: by the wall clock.
        latest: that the run has recorded, by the same clock.

    Returns:
        The instant, and how many seconds the clock was behind, rounded up; UNSET if it was not.
    """
    if told >= latest:
        return told, UNSET
    return latest, math.ceil((latest - told).total_seconds())


def latest_here(folder: Path, created: datetime) -> datetime:
    """Return the latest instant of a run by the orchestrator's clock.

    Args:
        folder: of the run, not yet sealed.
        created: when it began.
    """
    trials = (_less_skew(trial.record.ended) for trial in read_trials(folder))
    return max(created, *(each.resumed for each in interruptions(folder)), *trials, created)


class TrialTimes:
    """Puts the trials of a run one after the other, by the host's clock.

    Args:
        folder: of the run, not yet sealed.
        created: when it began.
    """

    def __init__(self, folder: Path, created: datetime) -> None:
        begun = (created, *(each.resumed for each in interruptions(folder)))
        ended = (trial.record.ended for trial in read_trials(folder))
        self._latest = max(*map(_less_skew, begun), *ended, _less_skew(created))

    def place(self, told: datetime, ended: datetime) -> tuple[datetime, datetime, int | UnsetType]:
        """Return when the next trial began and ended, and how far the clock was set back before.

        Args:
            told: when it began, by the wall clock.
            ended: when it ended, by the same. Set back within the trial, which the gate on the
                clock finds, that is no earlier than the beginning.
        """
        started, set_back_s = in_order(told, self._latest)
        self._latest = max(started, ended + (started - told))
        return started, self._latest, set_back_s


def _less_skew(instant: datetime) -> datetime:
    try:
        return instant - SKEW
    except OverflowError:  # in the first minute of year 1
        return instant
