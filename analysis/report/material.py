"""What a report is made of: the derived documents of a bundle, and what only its files have."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

import msgspec

from analysis import software
from analysis.profilers import Looked
from analysis.report import trials
from analysis.report.charts import Look
from analysis.work import Work
from bundle import outside, typed
from bundle.codec import plain
from bundle.documents.host import HostFacts, HostReadings, Moved, Seeded, Server
from bundle.documents.services import OrderOutcome, SchemaOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from analysis.report.trials import Shown
    from bundle.codec import Json, Part
    from bundle.documents.explanation import Explanation
    from bundle.documents.plan import Plan, SealedPlan
    from bundle.documents.readings import Health
    from bundle.documents.results import Results, Software
    from bundle.documents.verdicts import Verdicts
    from bundle.format import BundleRecord
    from bundle.read import Bundle

SCHEMA = "report/1"


@dataclass(frozen=True)
class Seen:
    """A host before or after the trials; None for what was not read then."""

    facts: HostFacts | None
    readings: HostReadings | None

    @classmethod
    def read(cls, bundle: Path, when: str) -> Self:
        """Read what a bundle holds of the services' host; ``before`` or ``after``."""
        return cls(
            typed.read_if_there(bundle, HostFacts, f"host/facts.{when}.json"),
            typed.read_if_there(bundle, HostReadings, f"host/readings.{when}.json"),
        )


@dataclass(frozen=True)
class Material:
    """Everything that a report is made of."""

    record: BundleRecord
    seal: str
    sealed: SealedPlan
    results: Results
    verdicts: Verdicts | None  #: None where no claims were judged
    explanation: Explanation | None  #: None where the plan explains nothing
    work: Work  #: what the subjects answered, and their SQL
    shown: tuple[Shown, ...]  #: the trials whose figures may be used
    before: Seen  #: the host before the trials; that of the services, where several took part
    after: Seen  #: the same host after them
    drift: Mapping[str, Moved]  #: its facts that moved, by key
    #: facts of each host, where several took part, by the roles that it had
    hosts: Mapping[str, HostFacts | None]
    servers: tuple[Server, ...] = ()  #: of each database of the plan; none where nothing is told
    seeded: Seeded | None = None  #: the rows of the database; likewise
    running: Mapping[str, Health] = field(default_factory=dict)  #: the services as they ran
    software: Mapping[str, Software] = field(default_factory=dict)  #: versions by subject
    #: schemas that tools of ORMs made, by subject, where the plan asked for them
    schemas: Mapping[str, SchemaOutcome] = field(default_factory=dict)
    profiled: tuple[Looked, ...] = ()  #: what profilers found, where the plan asked for them

    @classmethod
    def read(
        cls,
        bundle: Bundle,
        results: Results,
        explanation: Explanation | None = None,
        verdicts: Verdicts | None = None,
    ) -> Self:
        """Read it from a verified bundle and what was derived from it.

        Raises:
            OSError, ValueError, LookupError, RecordError: a file of the bundle is not what it
                should be.
        """
        path = bundle.path
        sealed = typed.read_plan(path)
        return cls(
            record=bundle.record,
            seal=str(bundle.seal),
            sealed=sealed,
            results=results,
            verdicts=verdicts,
            explanation=explanation,
            work=Work.read(path),
            shown=trials.read(bundle, results.unusable),
            before=Seen.read(path, "before"),
            after=Seen.read(path, "after"),
            drift=_drift(path),
            hosts=_hosts(path),
            servers=_servers(path, sealed.plan),
            seeded=typed.read_if_there(path, Seeded),
            running=_running(path),
            software=software.of(path, sealed.plan),
            schemas=_schemas(path),
            profiled=Looked.of_bundle(path),
        )

    @property
    def plan(self) -> Plan:
        """The plan with every default filled in."""
        return self.sealed.plan

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each subject looks in every chart: in the plan's order, arms like their subjects."""
        arms = self.sealed.arms
        numbers = {name: number for number, name in enumerate(self.plan.subjects)}
        looks = {name: Look(name, number) for name, number in numbers.items()}
        looks |= {
            arm: Look(arm, numbers.get(subject, len(numbers)), hollow=True)
            for arm, subject in arms.items()
        }
        strangers = {each.subject for each in self.shown} - looks.keys()
        return looks | {
            name: Look(name, len(numbers) + at) for at, name in enumerate(sorted(strangers))
        }

    def document(self) -> dict[str, Json]:
        """The data of the report, ``report/1``.

        History: report/1 (first).
        """
        host: dict[str, Json] = {
            "facts.before": _plain(self.before.facts),
            "facts.after": _plain(self.after.facts),
            "readings.before": _plain(self.before.readings),
            "readings.after": _plain(self.after.readings),
            "drift": {key: plain(moved) for key, moved in self.drift.items()},
        }
        return {
            "schema": SCHEMA,
            "bundle": self.record.id,
            "seal": self.seal,
            "conclusion": self.results.conclusion,
            "plan": self.sealed.model_dump(mode="json", by_alias=True, exclude_unset=True),
            "results": plain(self.results),
            "verdicts": plain(self.verdicts) if self.verdicts else None,
            "explanation": plain(self.explanation) if self.explanation else None,
            "trials": trials.document(self.shown),
            "sql": {subject: plain(sql) for subject, sql in self.work.sql.items()},
            "host": host,
            **self._schemas(),
            **self._profilers(),
            "hosts": {roles: _plain(facts) for roles, facts in self.hosts.items()},
        }

    def _schemas(self) -> dict[str, Json]:
        """The schemas by tools, by subject; no key where the plan asked for none."""
        made: dict[str, Json] = {name: plain(each) for name, each in self.schemas.items()}
        return {"schemas": made} if made else {}

    def _profilers(self) -> dict[str, Json]:
        """What profilers left, by subject; no key where the plan asked for none."""
        left: dict[str, Json] = {each.subject: plain(each.document) for each in self.profiled}
        return {"profilers": left} if left else {}


def _plain(document: Part | None) -> Json:
    return plain(document) if document else {}


def _servers(bundle: Path, plan: Plan) -> tuple[Server, ...]:
    told = (typed.read_if_there(bundle, Server, Server.path_of(name)) for name in plan.databases)
    return tuple(server for server in told if server)


def _drift(bundle: Path) -> dict[str, Moved]:
    """Facts that moved; none where the host was not looked at after the run."""
    path = bundle / "host/drift.json"
    return msgspec.convert(outside.json_of(path), dict[str, Moved]) if path.exists() else {}


def _hosts(bundle: Path) -> dict[str, HostFacts | None]:
    """Facts by roles; none where one host had all of them."""
    listed = bundle / "inputs/inventory.redacted.yml"
    groups = outside.yaml_of(listed)["groups"] if listed.exists() else {}
    roles: dict[str, list[str]] = {}
    for role, (name,) in groups.items():
        roles.setdefault(name, []).append(role)
    if len(roles) < 2:  # noqa: PLR2004 - what "several" means
        return {}
    return {
        ", ".join(each): typed.read_if_there(
            bundle,
            HostFacts,
            f"host/{'' if name == 'host-1' else f'{name}/'}facts.before.json",
        )
        for name, each in roles.items()
    }


def _schemas(bundle: Path) -> dict[str, SchemaOutcome]:
    """What tools of ORMs made of the schema, by subject; none where the plan asked for none."""
    names = (folder.name for folder in sorted((bundle / "services").glob("*/")))
    made = {name: typed.read_if_there(bundle, SchemaOutcome, subject=name) for name in names}
    return {name: outcome for name, outcome in made.items() if outcome}


def _running(bundle: Path) -> dict[str, Health]:
    """What each service said of itself when it was checked, by subject."""
    found = {}
    for folder in sorted((bundle / "services").glob("*/")):
        check = typed.read_if_there(bundle, OrderOutcome, subject=folder.name)
        if check and check.observed.health:
            found[folder.name] = check.observed.health
    return found
