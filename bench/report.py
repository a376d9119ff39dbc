"""The report of a judged bundle of 400 trials: seconds from the folder to the page, and its size.

The bundle repeats the recorded blocks of tests/report: five subjects under two loads, an
explanation and a ledger. The page is made in a process of its own, from the start of Python on.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Final

from bench import in_process_of_its_own, scratch

_TRIALS: Final = 400
_A_BLOCK: Final = 10  # trials: five subjects, two loads


def run(*, trials: int = _TRIALS) -> dict[str, object]:
    """Measure on a bundle made for it.

    Returns:
        Seconds that judging took; of the page, and of it as Markdown: seconds, those of a CPU
        among them, and bytes.
    """
    # Where the page is made, nothing but what makes it is loaded.
    from ormlab.judging import judge  # noqa: PLC0415
    from tests.report import recorded  # noqa: PLC0415

    with scratch() as folder:
        source = recorded.make(folder)
        bundle = recorded.repeated(source, folder, blocks=trials // _A_BLOCK)
        started = time.perf_counter()
        judge.judge(bundle, recorded.ledger())
        judged = time.perf_counter() - started
        told = {name: _make(bundle, name) for name in ("html", "markdown")}
    return {
        "report.trials": trials,
        "report.judge_s": round(judged, 2),
        **{f"report.{name}_{key}": value for name, of in told.items() for key, value in of.items()},
    }


def _make(bundle: Path, name: str) -> dict[str, float]:
    used, started = _cpu_s(), time.perf_counter()
    page = in_process_of_its_own("bench.report", bundle, name)
    seconds, used = time.perf_counter() - started, _cpu_s() - used
    return {"s": round(seconds, 2), "cpu_s": round(used, 2), "bytes": len(page)}


def _cpu_s() -> float:
    """CPU seconds of the processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _render(bundle: Path, name: str) -> str:
    """The page, from the documents that the judge left; what ``ormlab report`` does then."""
    from analysis import report  # noqa: PLC0415
    from bundle.read import Bundle  # noqa: PLC0415
    from ormlab.judging.judge import Derived  # noqa: PLC0415

    derived = Derived.read(bundle)
    found = (derived.results, derived.explanation, derived.verdicts)
    made = report.compose(report.Material.read(Bundle.open(bundle, level="L1"), *found))
    return report.html(made) if name == "html" else report.markdown(made)


if __name__ == "__main__":
    sys.stdout.write(_render(Path(sys.argv[1]), sys.argv[2]))
