"""What a bundle brings to the claims of a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis import figures
from analysis.work import Work
from bundle import typed
from bundle.documents.host import FleetRun, Server
from bundle.documents.services import OrderOutcome, ScriptOutcome, StackOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analysis.figures import Figures
    from bundle.codec import Document
    from bundle.documents.host import HostFacts
    from bundle.documents.plan import Plan, SealedPlan
    from bundle.documents.results import Results
    from bundle.format import BundleRecord
    from bundle.read import Bundle
    from host.levels import Tier

type ByBlock = Mapping[int, Figures]


@dataclass(frozen=True)
class Place:
    """Where in a run a subject was measured; ``runs`` claims know no workload and no load."""

    subject: str
    workload: str = ""
    load: str = ""


@dataclass(frozen=True)
class Run:
    """One sealed bundle, as far as claims are concerned."""

    record: BundleRecord
    seal: str  #: its identity
    resolved: SealedPlan
    facts: HostFacts  #: of the host, or of the application host where there are several
    postgresql: str | None  #: version of the server; None if it was not recorded
    results: Results
    stacks: Mapping[str, StackOutcome]  #: outcome of building each subject's stack, by subject
    #: outcome of starting each subject and asking it once, by subject
    started: Mapping[str, OrderOutcome]
    #: by place, then by block; only those that today's gates let pass
    trials: Mapping[Place, ByBlock]
    #: outcome of each script, by subject and the script's name
    scripts: Mapping[tuple[str, str], ScriptOutcome] = field(default_factory=dict)
    #: what the subjects answered in the diagnosis
    work: Work = field(default_factory=lambda: Work({}, {}, {}))
    node: str | None = None  #: digest of the node, in a run of a fleet

    @property
    def host(self) -> str | None:
        """What tells its host from others; None if it was never taken.

        That is the fingerprint, and in a fleet the node: nodes of one kind are several hosts.
        """
        return self.node or self.record.host

    @property
    def plan(self) -> Plan:
        """The plan with every default filled in."""
        return self.resolved.plan

    @property
    def tier(self) -> Tier:
        """How well the host keeps CPUs apart."""
        return self.facts.placement.tier


def collect(
    bundle: Bundle,
    resolved: SealedPlan,
    facts: HostFacts,
    results: Results,
    wanted: Iterable[Place],
) -> Run:
    """Read from a verified bundle what claims need.

    Args:
        bundle: verified.
        resolved: its plan.
        facts: of the host.
        results: derived from the bundle.
        wanted: where the claims look; other trials are not read. A control's arm is read with its
            subject.

    Raises:
        OSError: a document cannot be read.
        RecordError: a document is invalid.
    """
    places = set(wanted)
    places |= {
        Place(arm, place.workload, place.load)
        for arm, subject in resolved.arms.items()
        for place in places
        if place.subject == subject
    }
    unusable = results.unusable
    trials: dict[Place, dict[int, Figures]] = {}
    for trial in bundle.trials:
        record = trial.record
        place = Place(record.subject, record.workload, record.load)
        if place in places and record.id not in unusable:
            trials.setdefault(place, {})[record.block] = figures.read(trial.path, record.readings)
    names = [*resolved.plan.subjects, *resolved.arms]
    server = typed.read_if_there(bundle.path, Server)
    fleet = typed.read_if_there(bundle.path, FleetRun)
    return Run(
        record=bundle.record,
        seal=str(bundle.seal),
        resolved=resolved,
        facts=facts,
        postgresql=server.version if server else None,
        results=results,
        stacks=_by_subject(bundle, StackOutcome, names),
        started=_by_subject(bundle, OrderOutcome, names),
        trials=trials,
        scripts=_scripts(bundle, resolved.plan.subjects),
        work=Work.read(bundle.path),
        node=fleet.node if fleet else None,
    )


def _scripts(bundle: Bundle, subjects: Iterable[str]) -> dict[tuple[str, str], ScriptOutcome]:
    """The scripts that were run, each as the bundle has it."""
    found = {}
    for subject in subjects:
        pattern = ScriptOutcome.PATH.format(subject=subject, script="*")
        for path in sorted(bundle.path.glob(pattern)):
            at = path.relative_to(bundle.path).as_posix()
            outcome = typed.read(bundle.path, ScriptOutcome, at)
            found[subject, outcome.script] = outcome
    return found


def _by_subject[T: Document](
    bundle: Bundle, kind: type[T], subjects: Iterable[str]
) -> dict[str, T]:
    """By subject, a document of it, as far as the bundle has one."""
    read = {name: typed.read_if_there(bundle.path, kind, subject=name) for name in subjects}
    return {name: document for name, document in read.items() if document}
