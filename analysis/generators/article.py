"""What the article's own client counted; its clock starts before its own queue."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from analysis import silence
from analysis.generators.base import GeneratorFigures, Output, Problem
from bundle import typed
from bundle.display import quantity
from bundle.generators.article import Article

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.resources import Course
    from analysis.silence import Silence
    from bundle.documents.readings import TrialReadings

_QUEUED = "time in the client's queue and on a connection"


class _Article(Output):
    name: ClassVar[str] = "the article's client"
    mark: ClassVar[str] = Article.PATH
    is_limited_by_cpu: ClassVar[bool] = False

    @property
    def _report(self) -> Article:
        return typed.read(self.folder, Article)

    @property
    def figures(self) -> GeneratorFigures:
        """All its requests, failed ones included."""
        report = self._report
        failed = report.contains.requests_counted_in_throughput_that_failed
        broken = Problem("request-errors", f"{quantity(failed, 'request')} failed")
        return GeneratorFigures(
            requests=report.spec.requests,
            errors=failed,
            window_s=report.figures.total_time_s,
            bins=tuple(sorted(Counter(report.latencies_us).items())),
            kind=_QUEUED,
            problems=(broken,) if failed else (),
        )

    def silence(self, readings: TrialReadings, course: Callable[[], Course]) -> Silence:
        """Between two answers: the client counts from one instant on, so latencies are instants."""
        del readings, course
        gap = silence.between_answers(self._report.latencies_us)
        witness = "by the client's latencies"
        return silence.Silence(gap.seconds, gap.begins_s, silence.LEAST_S, witness)


OUTPUT = _Article
