"""What a bundle brings to the claims of a ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis import figures
from bundle import outside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analysis.figures import Figures
    from bundle.format import BundleRecord
    from bundle.read import Bundle

TOO_FEW_CPUS = frozenset({"degraded", "none"})
"""Tiers on which service, database and generator share CPUs: sizes are not the subject's own."""

type ByBlock = Mapping[int, Figures]


@dataclass(frozen=True)
class Place:
    """Where in a run a subject was measured; ``runs`` claims know no workload and no load."""

    subject: str
    workload: str = ""
    load: str = ""


@dataclass(frozen=True)
class Run:
    """One sealed bundle, as far as claims are concerned.

    Attributes:
        record: of the bundle.
        seal: its identity.
        resolved: ``inputs/plan.yaml``.
        facts: ``host/facts.before.json``.
        postgresql: version of the server; None if it was not recorded.
        results: the document of ``results.json``.
        stacks: outcome of building each subject's stack, by subject.
        started: of each subject that was started, what prevented it from serving; None if nothing.
        trials: by place, then by block, those that may be used by the gates of today.
    """

    record: BundleRecord
    seal: str
    resolved: Mapping[str, Any]
    facts: Mapping[str, Any]
    postgresql: str | None
    results: Mapping[str, Any]
    stacks: Mapping[str, Mapping[str, Any]]
    started: Mapping[str, str | None]
    trials: Mapping[Place, ByBlock]

    @property
    def plan(self) -> Mapping[str, Any]:
        """As written, every default filled in."""
        plan: Mapping[str, Any] = self.resolved["plan"]
        return plan

    @property
    def tier(self) -> str:
        """How well CPUs could be kept apart."""
        return str(self.facts["placement"]["tier"])

    @property
    def host_class(self) -> str:
        """``physical, exclusive-l3`` or ``virtual, degraded``: what sizes may carry over to."""
        kind = "virtual" if self.facts["facts"].get("virtual") else "physical"
        return f"{kind}, {self.tier}"


def collect(
    bundle: Bundle,
    resolved: Mapping[str, Any],
    facts: Mapping[str, Any],
    results: Mapping[str, Any],
    wanted: Iterable[Place],
) -> Run:
    """Read from a verified bundle what claims need.

    Args:
        bundle: verified.
        resolved: the plan as resolved.
        facts: the host's.
        results: what was derived from the bundle.
        wanted: where the claims look; other trials are not read. A control's arm is read with its
            subject.
    """
    places = set(wanted)
    places |= {
        Place(arm, place.workload, place.load)
        for arm, subject in resolved["arms"].items()
        for place in places
        if place.subject == subject
    }
    unusable = {each["trial"] for each in results["failures"]}
    trials: dict[Place, dict[int, Figures]] = {}
    for trial in bundle.trials:
        record = trial.record
        place = Place(record.subject, record.workload, record.load)
        if place in places and record.id not in unusable:
            trials.setdefault(place, {})[record.block] = figures.read(trial.path, record.readings)
    names = [*resolved["plan"]["subjects"], *resolved["arms"]]
    stacks = {name: _read(bundle, f"services/{name}/stack.json") for name in names}
    server = _read(bundle, "host/postgres.json")
    return Run(
        record=bundle.record,
        seal=str(bundle.seal),
        resolved=resolved,
        facts=facts,
        postgresql=server.get("version") if server else None,
        results=results,
        stacks={name: outcome for name, outcome in stacks.items() if outcome},
        started=_started(bundle, names),
        trials=trials,
    )


def _started(bundle: Bundle, names: Iterable[str]) -> dict[str, str | None]:
    checks = {name: _read(bundle, f"services/{name}/check.json") for name in names}
    return {
        name: check["failure"]["what"] if check["failure"] else None
        for name, check in checks.items()
        if check
    }


def _read(bundle: Bundle, path: str) -> dict[str, Any] | None:
    file = bundle.path / path
    if not file.exists():
        return None
    document: dict[str, Any] = outside.json_of(file)
    return document
