"""What every load generator is to the analysis: what it left in the folder of one trial.

A generator that tells less than another leaves more of `Output` as it is here: the gates that need
what it does not tell do not concern it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from analysis import silence
from analysis.rounding import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from analysis.latency import Bins, Histogram
    from analysis.resources import Course
    from analysis.silence import Silence
    from bundle.documents.readings import TrialReadings, Window
    from bundle.generators.client import OpenLoop
    from bundle.read import Trial

CLOSED = "closed-loop service time"
OPEN = "response time"

LITTLES_BAND = (0.95, 1.0)
_ROUNDING = 1e-9  # of binary fractions


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a trial."""

    code: str  #: a stable word for programs
    what: str  #: one sentence


class Contradiction(NamedTuple):
    """Something that cannot be so."""

    code: str  #: a key of `bundle.codes.CODES`
    file: str  #: name in the trial's folder
    what: str  #: one clause


@dataclass(frozen=True, kw_only=True)
class GeneratorFigures:
    """What a generator's own files say of its window."""

    requests: int  #: answered in the window
    errors: int  #: requests that failed or had another status than the contract's
    window_s: float  #: length of the window
    bins: Bins  #: the histogram of the latency of this kind, in microseconds
    kind: str  #: what the latency is, in words
    #: throughput x mean latency / connections; None in an open loop
    littles_ratio: float | None = None
    connections: int | None = None  #: how many the generator opened; None where it does not tell
    #: start and end of the window on the host's monotonic clock, where they are told
    span_ns: tuple[int, int] | None = None
    problems: tuple[Problem, ...] = ()  #: what the files show to be wrong; analysis.gates judges it
    #: highest rate that met the objective, where the load searched for it
    capacity: float | None = None
    #: length of a slice, where the window consists of slices
    slice_s: float | None = None
    #: CPU seconds in the window by role, None where unknown, if the generator reads them itself;
    #: otherwise the agent's samples over the span tell them
    cpu_s: Mapping[str, float | None] | None = None

    @property
    def throughput(self) -> float:
        """Answers per second."""
        return self.requests / self.window_s if self.window_s else 0.0


class CoreShare(NamedTuple):
    """How much of a core somebody used."""

    percent: float | None  #: None where it was not read
    what: str  #: more about it in words, or why it is None


class Sampled(NamedTuple):
    """What tells how ``samples.parquet`` is to be read."""

    seconds: float  #: length of the window
    is_open: bool  #: whether the arrivals were planned
    unasked: int  #: requests at the beginning that no answer had made room for


class Output:
    """What a generator left in the folder of one trial, or of its floor.

    Reading may raise OSError where a file is missing or broken, and ValueError where it is not what
    it should be.

    Attributes:
        name: of the generator, in words.
        mark: the file by which its output is known.
        flaws: codes of the problems with which its output is no measurement; none if it has no
            second account of itself to be held against.
        tells_timeouts: whether it counts answers that came too late.
        tells_opened: whether it may open fewer connections than it is asked to.
        tells_cpu: whether it tells the CPU time of its processes; otherwise the agent's samples do.
        is_limited_by_cpu: whether its CPU time is held against a limit; that of a client that is
            measured for what it is is not.
        folder: where it lies.
        is_closed: whether every connection always waits for an answer, so that Little's law holds.
        timeouts: answers later than it allowed; None where its files cannot be read.
        refused: requests of a floor that failed, as far as they are told.
        arrivals: what became of the arrivals of an open loop; None under other loads.
        censored: samples without an answer.
        answers: by operation and status, as far as it tells operations apart.
        bodies: by request, the distinct digests of sampled bodies; None where none is hashed.
        sampled: how its raw samples are to be read; None if it leaves none, or none without gaps.
        resting: what the service used while nobody asked it; None if the load never lets it rest.
        foreign: what programs used that are no part of the trial; None if the generator does not
            look.
        unread: by role, why the CPU time that the generator reads itself is unknown.
    """

    name: ClassVar[str]
    mark: ClassVar[str]
    flaws: ClassVar[frozenset[str]] = frozenset()
    tells_timeouts: ClassVar[bool] = False
    tells_opened: ClassVar[bool] = False
    tells_cpu: ClassVar[bool] = False
    is_limited_by_cpu: ClassVar[bool] = True

    is_closed: bool = False
    timeouts: int | None = None
    refused: int = 0
    arrivals: OpenLoop | None = None
    censored: int = 0
    answers: Mapping[str, Mapping[str, int]] = MappingProxyType({})
    bodies: Mapping[str, list[str]] | None = None
    sampled: Sampled | None = None
    resting: CoreShare | None = None
    foreign: CoreShare | None = None
    unread: Mapping[str, str] = MappingProxyType({})

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def figures(self) -> GeneratorFigures:
        """The figures that it counted itself; read anew each time, since histograms are large."""
        raise NotImplementedError

    @property
    def reached(self) -> float | None:
        """Answers per second, also of a floor; None where it left nothing readable."""
        return self.figures.throughput

    def edge(self, window: Window | None) -> float | None:
        """What requests under way at the ends of the window may add to the ratio of Little's law.

        Args:
            window: when the program ran.

        Returns:
            A share of 1; None if nobody recorded what it takes to know.
        """
        del window
        return 0.0

    @property
    def histograms(self) -> Mapping[str, Histogram]:
        """Its histograms by name: response, service and dispatch."""
        return {}

    @property
    def unrecorded(self) -> dict[str, int] | None:
        """By histogram, the samples that it lacks; None without samples."""
        return None

    def busiest(self, cpus: int) -> float | None:
        """Percent of a core that its busiest process used, or each of the CPUs that all share."""
        del cpus
        return None

    def silence(self, readings: TrialReadings, course: Callable[[], Course]) -> Silence | None:
        """Find the longest time without an answer, although somebody waited for one.

        Of a generator that keeps no instants, the CPU time tells: its own as well as the service's,
        because it may read its requests first and write its report last.

        Args:
            readings: what was read around the trial.
            course: reads when the agent looked, and what it saw.

        Returns:
            None where nothing shows whether there was an answer.
        """
        window = silence.watched(readings)
        seen = course() if window else None
        if window is None or seen is None or not (seen.looks["service"] and seen.looks["load"]):
            return None
        looks = seen.together("service", "load").within((window.started_ns, window.ended_ns))
        gap, telling_s = silence.idle(looks, window.started_ns)
        figures = self.figures  # reads its files each time
        allowed_s = max(silence.allowed_s(figures.bins, figures.connections), telling_s)
        witness = f"by the CPU time of service and {self.name}"
        return silence.Silence(gap.seconds, gap.begins_s, allowed_s, witness)

    def contradictions(self, trial: Trial, *, faults: bool) -> Iterator[Contradiction]:
        """What its files say twice, and not the same; a failed trial may lack any of them.

        Args:
            trial: of a bundle.
            faults: whether its load ends connections on purpose, so that requests fail.
        """
        del trial, faults
        yield from ()


def littles_law(throughput: float, mean_latency_s: float, connections: int) -> float:
    """Return throughput x mean latency / connections: 1 if every connection is always waiting.

    Source: J. D. C. Little, A Proof for the Queuing Formula L = lambda W, 1961.
    """
    return throughput * mean_latency_s / connections


def littles_problems(ratio: float, *, edge: float = 0.0) -> tuple[Problem, ...]:
    """Say whether a closed loop's ratio of Little's law lies outside its band.

    Args:
        ratio: from ``littles_law``.
        edge: what requests under way at the ends of the window may add.
    """
    low, high = LITTLES_BAND
    if ratio < low:
        what = f"connections waited only {brief(ratio)} of the time for what was answered"
        return (Problem("littles-law", what),)
    if ratio > high + edge + _ROUNDING:
        what = f"connections waited {brief(ratio)} of the time: samples that were never measured"
        return (Problem("littles-law", what),)
    return ()


def littles_contradictions(ratio: float, edge: float, file: str) -> Iterator[Contradiction]:
    """A loop that is less busy than its connections is a doubt; one that is busier, a lie."""
    for problem in littles_problems(ratio, edge=edge):
        low = ratio < LITTLES_BAND[0]
        yield Contradiction("littles-law-low" if low else "littles-law", file, problem.what)
