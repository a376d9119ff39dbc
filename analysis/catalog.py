"""The rows of the catalog: one for each trial of a bundle and each metric.

History of the table: catalog/1 (first).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from analysis.figures import Figures, read
from analysis.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ormlab.bundle.read import Bundle, Trial

VERSION: Final = "catalog/1"

_WORDS: Final = (
    "bundle",
    "seal",
    "run_status",
    "host",
    "tier",
    "plan",
    "plan_sha256",
    "trial",
    "subject",
    "service",
    "stack",
    "workload",
    "load",
    "status",
    "failure",
    "doubts",
    "metric",
    "unit",
    "better",
)
_KINDS: Final[dict[str, pa.DataType]] = {
    **dict.fromkeys(_WORDS, pa.string()),
    "created": pa.timestamp("us", tz="UTC"),
    "block": pa.int32(),
    "value": pa.float64(),
}
SCHEMA: Final = pa.schema(_KINDS)
"""The columns.

``created`` is when the run began; ``host`` the fingerprint; ``subject`` may be a control's arm,
whose ``service`` and ``stack`` are its subject's. ``status`` and ``failure`` are the trial's; a
trial that failed, or whose files today's analysis cannot read (``failure`` is then
``figures-unreadable``), has all its rows with a null ``value``. ``doubts`` are codes joined by
spaces. What a bundle does not tell is null.
"""

_UNREADABLE: Final = "figures-unreadable"


def rows(
    bundle: Bundle, resolved: Mapping[str, Any], facts: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one bundle, by trial in the order of execution, then by metric.

    Args:
        bundle: verified.
        resolved: the plan as resolved, from ``inputs/plan.yaml``.
        facts: the host's, from ``host/facts.before.json``; empty if it was never taken.
    """
    record = bundle.record
    run = {
        "bundle": record.id,
        "seal": bundle.seal,
        "created": record.created,
        "run_status": record.status,
        "host": record.host,
        "tier": facts.get("placement", {}).get("tier"),
        "plan": record.plan.name,
        "plan_sha256": record.plan.sha256,
    }
    subjects = resolved.get("plan", {}).get("subjects", {})
    arms = resolved.get("arms", {})
    for trial in bundle.trials:
        told = trial.record
        subject = subjects.get(arms.get(told.subject, told.subject), {})
        figures, failure = _figures(trial)
        shared = run | {
            "trial": told.id,
            "subject": told.subject,
            "service": subject.get("service"),
            "stack": subject.get("stack"),
            "workload": told.workload,
            "load": told.load,
            "block": told.block,
            "status": told.status,
            "failure": failure,
            "doubts": " ".join(sorted({p.code for p in figures.problems})) if figures else "",
        }
        for metric in METRICS:
            yield shared | {
                "metric": metric.name,
                "unit": metric.unit,
                "better": metric.better,
                "value": metric.of(figures) if figures else None,
            }


def _figures(trial: Trial) -> tuple[Figures | None, str | None]:
    """A trial's figures, or why there are none."""
    if trial.record.failure:
        return None, trial.record.failure.code
    try:
        return read(trial.path, trial.record.readings), None
    except (ArithmeticError, LookupError, OSError, TypeError, ValueError):
        # The bytes are those that were sealed, so it is their format that is not today's.
        return None, _UNREADABLE
