"""Call stacks of a service at work, by py-spy, which reads its memory from outside (ptrace(2)).

py-spy writes one format at a time, so the load runs twice, each time for half of its duration.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from agent.profilers.base import version
from bundle.documents.profilers import PICTURES, STACKS, Profiled, SampledStacks

if TYPE_CHECKING:
    from agent.profilers.base import ProfilerPass

_RATE_HZ = 100
_FILES = {"speedscope": STACKS["cpu"], "flamegraph": PICTURES["cpu"]}


def carry_out(looking: ProfilerPass, observed: Profiled) -> None:
    """Leave the samples as stacks, and as a flame graph.

    Raises:
        Failure: as `agent.profilers.carry_out`.
    """
    spy = f"{looking.work.tools}/bin/py-spy"
    program, answered = version("py-spy", [spy]), 0
    with looking.service() as service:
        for form, name in _FILES.items():
            argv = [spy, "record", "--pid", str(service.pid), "--rate", str(_RATE_HZ)]
            argv += ["--duration", "unlimited", "--format", form]
            argv += ["--output", str(looking.folder / name)]
            with looking.beside(argv, looking.folder / f"py-spy.{form}.txt", signal.SIGINT):
                answered += looking.drive(service, form, share=1 / len(_FILES))
    observed.sampled = SampledStacks(program=program, requests=answered, rate_hz=_RATE_HZ)
