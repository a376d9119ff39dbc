"""How fast the memory of a service grows under a load that lasts.

Looks at one deployment follow each other and are alike, so a line through all of them knows its
slope far less well than an ordinary interval says. The deployment is what is repeated: each has one
slope, and the interval is that of their mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy
from msgspec import UNSET, UnsetType

from analysis import resources
from analysis.contributions import difference
from bundle.documents.results import Growth, MemoryGrowth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike

    from analysis.gates import TrialEvidence
    from bundle.documents.readings import Memory, MemoryLook

FEWEST_LOOKS = 5  # at PSS; windows of less than 50 s are too short for a slope
_PARTS = 60
_S_PER_HOUR = 3600
_MOST = 2.0**64  # bytes per hour; no machine has so many, and no sum over deployments overflows
_SINGLE = "a single deployment has no spread, and so no interval"
_NONE = "its looks were all at one instant, or of no possible size"

type _Looks = Sequence[MemoryLook]


class Grown(NamedTuple):
    """The slope of one deployment, bytes per hour; ``reason`` says why there is none."""

    per_hour: float | None
    reason: str | None = None


def of_trials(trials: Iterable[TrialEvidence]) -> MemoryGrowth | UnsetType:
    """How the memory of one subject grew under one load, over its usable trials.

    Returns:
        UNSET where no window is long enough, or the bundle is older than looks in the window.

    Raises:
        OSError, ValueError: a table, or a reading, is not what it should be.
    """
    looked = [(each, memory, looks) for each in trials for memory, looks in _looks(each)]
    if all(len(looks) < FEWEST_LOOKS for _, _, looks in looked):
        return UNSET
    pss, anonymous = (
        [_by_looks(memory, looks, size) for _, memory, looks in looked]
        for size in ("pss_bytes", "anonymous_bytes")
    )
    return MemoryGrowth(
        rss=over([_resident(each) for each, _, _ in looked]),
        pss=over(pss),
        anonymous=over(anonymous),
    )


def over(slopes: Sequence[Grown]) -> Growth:
    """The mean of the deployments' slopes with its t interval.

    mean +- t(0.975, n - 1) s / sqrt(n): Student, Biometrika 6 (1908) 1.
    """
    known = [each.per_hour for each in slopes if each.per_hour is not None]
    mean = difference(known)
    lacking = next((each.reason for each in slopes if each.reason), None)
    if mean is None:
        return Growth(per_hour=None, low=None, high=None, deployments=0, reason=lacking)
    reason = _SINGLE if mean.low is None else lacking
    return Growth(
        per_hour=mean.mean, low=mean.low, high=mean.high, deployments=len(known), reason=reason
    )


def slope(at_s: ArrayLike, sizes: ArrayLike) -> Grown:
    """The slope of one deployment: the median of the slopes between all pairs of points.

    Sen, J. Am. Stat. Assoc. 63 (1968) 1379. A buffer that comes and goes moves a line by least
    squares, and the median hardly. The points are the medians of sixty parts of the window, which
    keep the number of pairs small; no interval is taken from them.

    Args:
        at_s: seconds, of each look.
        sizes: bytes, of each look.
    """
    times, values = np.asarray(at_s, dtype=float), np.asarray(sizes, dtype=float)
    order = np.argsort(times, kind="stable")
    parts = np.array_split(order, min(_PARTS, len(order))) if len(order) else []
    middles = [(float(np.median(times[part])), float(np.median(values[part]))) for part in parts]
    if not middles or middles[0][0] == middles[-1][0]:
        return Grown(None, _NONE)
    x, y = zip(*middles, strict=True)
    with np.errstate(over="ignore", invalid="ignore"):  # a stranger's looks may be of any size
        per_hour = float(scipy.stats.theilslopes(y, x).slope) * _S_PER_HOUR
    return Grown(per_hour) if abs(per_hour) < _MOST else Grown(None, _NONE)


def _looks(trial: TrialEvidence) -> Iterable[tuple[Memory, _Looks]]:
    memory = trial.readings.memory
    if memory is not None and not isinstance(memory.service_looks, UnsetType):
        yield memory, memory.service_looks


def _by_looks(memory: Memory, looks: _Looks, size: str) -> Grown:
    known = [(look.at_s, value) for look in looks if (value := getattr(look, size)) is not None]
    if len(known) < FEWEST_LOOKS:
        few = f"{len(known)} looks of {len(looks)} have it, {FEWEST_LOOKS} are needed"
        return Grown(None, memory.service_looks_unread or few)
    times, sizes = zip(*known, strict=True)
    return slope(times, sizes)


def _resident(trial: TrialEvidence) -> Grown:
    readings = trial.readings
    if readings.window is None or readings.sampler is None:
        raise ValueError("trial.json lacks the window or the sampler")
    if unread := (readings.sampler.unread or {}).get("service"):
        return Grown(None, unread)
    window = readings.window
    span = trial.output.figures.span_ns or (window.started_ns, window.ended_ns)
    at_ns, sizes = resources.read_resident(
        trial.folder / "resources.parquet", readings.sampler.page_bytes, span
    )
    return slope((at_ns - span[0]) / 1e9, sizes)
