"""Whether a trial was steady: its course over time, from the client's raw samples.

    series      a figure in equal windows of a trial: read_series
    truncation  how much of the beginning to leave out: mser5
    slope       what the figure does in a second: theil_sen
    segments    where its level changes: change_points
    shape       flat, warm-up, slowdown or no steady state: classify
    reading     all of it for one trial: read

Only `series` and `reading` touch files; the rest are pure functions. Windows of one process depend
on each other, so nothing here replaces a trial as the unit of replication: it says whether the
trial may stand for a steady state.
"""

from analysis.steadiness.noise import Noise, noise_of
from analysis.steadiness.reading import Steadiness, examine, read, warmup_needed
from analysis.steadiness.segments import Segment, change_points, segments
from analysis.steadiness.series import Series, read_series
from analysis.steadiness.shape import TOLERANCE, Shape, classify
from analysis.steadiness.slope import Slope, theil_sen
from analysis.steadiness.truncation import mser5

__all__ = [
    "TOLERANCE",
    "Noise",
    "Segment",
    "Series",
    "Shape",
    "Slope",
    "Steadiness",
    "change_points",
    "classify",
    "examine",
    "mser5",
    "noise_of",
    "read",
    "read_series",
    "segments",
    "theil_sen",
    "warmup_needed",
]
