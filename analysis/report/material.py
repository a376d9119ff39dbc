"""What a report is made of: the derived documents of a bundle, and what they leave in its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from analysis.report import trials
from analysis.report.charts import Look
from analysis.work import Work
from bundle import outside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from analysis.report.trials import Shown
    from bundle.format import BundleRecord
    from bundle.read import Bundle

SCHEMA = "report/1"

type Document = Mapping[str, Any]


@dataclass(frozen=True)
class Material:
    """Everything that a report is made of.

    Attributes:
        record: of the bundle.
        seal: SHA-256 of its SEAL.json.
        resolved: the plan.
        results: ``results.json``.
        verdicts: ``verdicts.json``; None where no claims were judged.
        explanation: ``explanation.json``; None where the plan explains nothing.
        work: what the subjects answered, and their SQL.
        shown: the trials whose figures may be used.
        host: facts, readings and drift by file name without ``.json``; what is missing is empty.
            Of the services' host, where several took part.
        hosts: facts of each host, where several took part, by the roles that it had.
    """

    record: BundleRecord
    seal: str
    resolved: Document
    results: Document
    verdicts: Document | None
    explanation: Document | None
    work: Work
    shown: tuple[Shown, ...]
    host: Mapping[str, Document]
    hosts: Mapping[str, Document]

    @classmethod
    def read(cls, bundle: Bundle, derived: Mapping[str, Document]) -> Self:
        """Read it from a bundle.

        Args:
            bundle: verified.
            derived: documents by their names in ``derived/``; ``results.json`` at least.

        Raises:
            OSError, ValueError, LookupError: a file of the bundle is not what it should be.
        """
        results = derived["results.json"]
        names = ("facts.before", "facts.after", "readings.before", "readings.after", "drift")
        return cls(
            record=bundle.record,
            seal=str(bundle.seal),
            resolved=outside.plan_of(bundle.path),
            results=results,
            verdicts=derived.get("verdicts.json"),
            explanation=derived.get("explanation.json"),
            work=Work.read(bundle.path),
            shown=trials.read(bundle, trials.failed(results)),
            host={name: _document(bundle.path / f"host/{name}.json") for name in names},
            hosts=_hosts(bundle.path),
        )

    @property
    def plan(self) -> Document:
        """The plan with every default filled in."""
        plan: Document = self.resolved["plan"]
        return plan

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each subject looks in every chart: in the plan's order, arms like their subjects."""
        arms = self.resolved["arms"]
        numbers = {name: number for number, name in enumerate(self.plan["subjects"])}
        looks = {name: Look(name, number) for name, number in numbers.items()}
        looks |= {
            arm: Look(arm, numbers.get(subject, len(numbers)), hollow=True)
            for arm, subject in arms.items()
        }
        strangers = {each.subject for each in self.shown} - looks.keys()
        return looks | {
            name: Look(name, len(numbers) + at) for at, name in enumerate(sorted(strangers))
        }

    def document(self) -> dict[str, Any]:
        """The data of the report, ``report/1``.

        History: report/1 (first).
        """
        return {
            "schema": SCHEMA,
            "bundle": self.record.id,
            "seal": self.seal,
            "conclusion": self.results["conclusion"],
            "plan": self.resolved,
            "results": self.results,
            "verdicts": self.verdicts,
            "explanation": self.explanation,
            "trials": trials.document(self.shown),
            "sql": self.work.sql,
            "host": self.host,
            "hosts": self.hosts,
        }


def _hosts(bundle: Path) -> dict[str, Document]:
    """Facts by roles; none where one host had all of them."""
    listed = bundle / "inputs/inventory.redacted.yml"
    groups = outside.yaml_of(listed)["groups"] if listed.exists() else {}
    roles: dict[str, list[str]] = {}
    for role, (name,) in groups.items():
        roles.setdefault(name, []).append(role)
    if len(roles) < 2:  # noqa: PLR2004 - what "several" means
        return {}
    return {
        ", ".join(each): _document(
            bundle / "host" / ("" if name == "host-1" else name) / "facts.before.json"
        )
        for name, each in roles.items()
    }


def _document(path: Path) -> Document:
    return dict(outside.json_of(path)) if path.exists() else {}
