"""The instants of a run in their order, although the wall clock may be set back during the run.

Where the wall clock is behind an instant that the run has already recorded, the run records that
instant again and by how much the clock was behind. Durations come from clocks that nobody sets.
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


def in_order(read: datetime, latest: datetime) -> tuple[datetime, int | UnsetType]:
    """Return the instant to record for a reading of the wall clock.

    ``latest`` is the latest instant that the run has recorded, by the same clock.

    Returns:
        The instant, and how many seconds the clock was behind, rounded up; UNSET if it was not.
    """
    if read >= latest:
        return read, UNSET
    return latest, math.ceil((latest - read).total_seconds())


def latest_here(folder: Path, created: datetime) -> datetime:
    """Return the latest instant of an unsealed run by the orchestrator's clock."""
    trials = (_less_skew(trial.record.ended) for trial in read_trials(folder))
    return max(created, *(each.resumed for each in interruptions(folder)), *trials, created)


class TrialTimes:
    """Puts the trials of an unsealed run one after the other, by the host's clock."""

    def __init__(self, folder: Path, created: datetime) -> None:
        begun = (created, *(each.resumed for each in interruptions(folder)))
        ended = (trial.record.ended for trial in read_trials(folder))
        self._latest = max(*map(_less_skew, begun), *ended, _less_skew(created))

    def place(self, begun: datetime, ended: datetime) -> tuple[datetime, datetime, int | UnsetType]:
        """Return when the next trial began and ended, and how far the clock was set back before.

        Both arguments are readings of the wall clock. If it was set back within the trial, which
        the gate on the clock finds, the trial ends no earlier than it begins.
        """
        started, set_back_s = in_order(begun, self._latest)
        self._latest = max(started, ended + (started - begun))
        return started, self._latest, set_back_s


def _less_skew(instant: datetime) -> datetime:
    try:
        return instant - SKEW
    except OverflowError:  # in the first minute of year 1
        return instant
