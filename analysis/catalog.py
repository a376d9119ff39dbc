"""The rows of the catalog: one for each trial of a bundle and each metric.

History of the table: catalog/1 (first); catalog/2 holds every trial against the gates, where
``doubts`` had been what the generator's own files contradict, and no trial failed afterwards;
catalog/3 has the class of the host, what each subject was made of, and the subject of an arm.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, TypedDict, get_type_hints

import pyarrow as pa

from analysis import gates, software
from analysis.figures import Figures, read
from analysis.gates.bundle import assess
from analysis.metrics import METRICS
from bundle import typed
from bundle.documents.host import HostFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bundle.documents.plan import SealedPlan
    from bundle.read import Bundle, Trial

VERSION: Final = "catalog/3"


class Row(TypedDict):
    """One metric of one trial. What a bundle does not tell is null.

    ``host`` is the fingerprint; ``created`` is when the run began. ``subject`` may be a control's
    arm: ``declared`` is the subject that it repeats, or ``subject`` itself. ``service``, ``stack``,
    ``orm``, ``release`` (of the ORM), ``driver`` and ``interpreter`` are those of ``declared``;
    ``orm`` is ``none`` for a service without one. ``status`` is the trial's. A trial that failed,
    or that fails a gate of today, or whose files today's analysis cannot read (``failure`` is then
    ``figures-unreadable``), has all its rows with a null ``value``; ``failure`` says why.
    ``doubts`` are codes of gates and of the generator's own contradictions, joined by spaces; of a
    bundle that does not hold what gates need, the latter alone.
    """

    bundle: str
    seal: str | None
    run_status: str
    host: str | None
    host_class: str | None
    tier: str | None
    plan: str
    plan_sha256: str
    trial: str
    subject: str
    declared: str | None
    service: str | None
    stack: str | None
    orm: str | None
    release: str | None
    driver: str | None
    interpreter: str | None
    workload: str
    load: str
    status: str
    failure: str | None
    doubts: str
    metric: str
    unit: str
    better: str
    created: datetime
    block: int
    value: float | None


_KINDS: Final[dict[object, pa.DataType]] = {
    str: pa.string(),
    str | None: pa.string(),
    datetime: pa.timestamp("us", tz="UTC"),
    int: pa.int32(),
    float | None: pa.float64(),
}
SCHEMA: Final = pa.schema({name: _KINDS[kind] for name, kind in get_type_hints(Row).items()})
"""The columns of the table: the keys of `Row`."""

_UNREADABLE: Final = "figures-unreadable"
# What comes of files that are not what today's analysis expects.
_ODD: Final = (
    *(ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError),
    *(ValueError, pa.ArrowException),
)


def rows(bundle: Bundle) -> Iterator[Row]:
    """Yield the rows of one bundle, by trial in the order of execution, then by metric.

    Args:
        bundle: verified.
    """
    record = bundle.record
    sealed = _known(lambda: typed.read_plan(bundle.path))
    facts = _known(lambda: typed.read(bundle.path, HostFacts))
    context = _known(lambda: gates.Context.read(bundle.path))
    made = _known(lambda: software.of(bundle.path, sealed.plan)) if sealed else None
    for trial in bundle.trials:
        of_trial = trial.record
        declared = _declared(sealed, of_trial.subject)
        subject = sealed.plan.subjects[declared] if sealed and declared else None
        parts = (made or {}).get(declared or "")
        orm = software.orm_of(parts)
        figures, failure, doubts = _read(trial, context)
        for metric in METRICS:
            yield Row(
                bundle=record.id,
                seal=bundle.seal,
                run_status=record.status,
                host=record.host,
                host_class=facts.host_class if facts else None,
                tier=facts.placement.tier if facts else None,
                plan=record.plan.name,
                plan_sha256=record.plan.sha256,
                trial=of_trial.id,
                subject=of_trial.subject,
                declared=declared,
                service=subject.service if subject else None,
                stack=subject.stack if subject else None,
                orm=orm.name,
                release=orm.release,
                driver=parts.driver if parts else None,
                interpreter=parts.interpreter if parts else None,
                workload=of_trial.workload,
                load=of_trial.load,
                status=of_trial.status,
                failure=failure,
                doubts=" ".join(sorted(doubts)),
                metric=metric.name,
                unit=metric.unit,
                better=metric.better,
                created=record.created,
                block=of_trial.block,
                value=metric.of(figures) if figures else None,
            )


def _known[T](read: Callable[[], T]) -> T | None:
    """What a bundle tells in a form that this version reads; None if it does not."""
    try:
        return read()
    except _ODD:
        return None


def _declared(sealed: SealedPlan | None, name: str) -> str | None:
    """The plan's name of a subject or arm; None if the plan lacks it, or cannot be read."""
    declared = sealed.arms.get(name, name) if sealed else name
    return declared if sealed and declared in sealed.plan.subjects else None


def _read(
    trial: Trial, context: gates.Context | None
) -> tuple[Figures | None, str | None, set[str]]:
    """A trial's figures, or why there are none; and what casts a doubt on them."""
    record = trial.record
    if record.failure:
        return None, record.failure.code, set()
    try:
        assessment = assess(trial.path, record, context) if context else None
    except _ODD:
        assessment = None
    if assessment and assessment.failure:
        return None, assessment.failure.gate.code, set()
    try:
        figures = assessment.evidence.figures if assessment else read(trial.path, record.readings)
    except _ODD:
        # The bytes are those that were sealed, so it is their format that is not today's.
        return None, _UNREADABLE, set()
    doubts = {problem.code for problem in figures.problems}
    return figures, None, doubts | (assessment.doubts if assessment else set())
