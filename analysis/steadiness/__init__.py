"""Whether a trial was steady: its course over time, from the client's raw samples.

    reading     a figure in equal windows of a trial, and what it shows: read_series, read
    estimators  noise_of, change_points, theil_sen, mser5 and classify, all pure

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
from analysis.steadiness.reading import (
    Series,
    Steadiness,
    examine,
    read,
    read_series,
    warmup_needed,
)

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
