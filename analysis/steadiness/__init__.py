"""Whether a trial was steady: its course over time, from the client's raw samples.

    series      a figure in equal windows of a trial: read_series
    estimators  noise_of, change_points, theil_sen, mser5 and classify, all pure
    reading     all of it for one trial: read

Windows of one process depend on each other, so nothing here replaces a trial as the unit of
replication: it says whether the trial may stand for a steady state.
"""

from analysis.steadiness.estimators import (
    Segment,
    Shape,
    change_points,
    classify,
    mser5,
    noise_of,
    theil_sen,
)
from analysis.steadiness.reading import Steadiness, examine, read, warmup_needed
from analysis.steadiness.series import Series, read_series

__all__ = [
    "Segment",
    "Series",
    "Shape",
    "Steadiness",
    "change_points",
    "classify",
    "examine",
    "mser5",
    "noise_of",
    "read",
    "read_series",
    "theil_sen",
    "warmup_needed",
]
