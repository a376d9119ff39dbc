"""The files that a bundle keeps of a run beside the trials, by their paths."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import yaml
import zstandard
from msgspec import UNSET
from msgspec.structs import asdict, replace

from bundle import typed
from bundle.codec import serialise
from bundle.coherence import LEDGER
from bundle.documents.host import Fingerprint, HostFacts, Moved, Seeded, Server, Source
from bundle.documents.plan import POSTGRESQL, SealedPlan
from bundle.documents.services import (
    Answers,
    ContractOutcome,
    Effects,
    OrderOutcome,
    SchemaOutcome,
    ScriptOutcome,
    ServiceRecord,
    Sql,
    StackOutcome,
    StatementLog,
)
from bundle.format import Redaction, Tool
from ormlab.base import checkout, source
from ormlab.hosts.fingerprint import fingerprint
from ormlab.plan import services
from ormlab.provision import record as provisioning
from ormlab.run.measure import keep, redaction
from ormlab.run.measure.deployment import read_answer, source_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.documents.host import Facts
    from bundle.documents.services import Observed
    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import ResolvedPlan
    from ormlab.run.measure.database import Database
    from ormlab.run.measure.session import Session
    from ormlab.run.measure.site import Site
    from ormlab.run.measure.station import Fetched, Station

REDACTIONS = (
    Redaction(path="host/*.json", reason="the host name is taken out"),
    Redaction(path="host/postgres.json", reason="the path of the password file is taken out"),
    Redaction(path="host/provision/*.json", reason="what Ansible's modules returned is taken out"),
)
_SAMPLES = "samples"


def facts_of(site: Site) -> dict[str, HostFacts]:
    """The facts of each host of a run, by the name it has in the bundle."""
    return {name: station.facts for name, station in _hosts(site).items()}


def inputs(resolved: ResolvedPlan, ledger: LedgerFile | None = None) -> dict[str, bytes]:
    """What decided the run: plan, locks, services, source, and the ledger that it tries."""
    locks = [checkout.ROOT / "requirements/agent.txt", resolved.stacks_folder / "stacks.toml"]
    locks += [checkout.ROOT / "requirements/profilers.txt"] if resolved.plan.profilers else []
    of_services = {service.folder for service in resolved.services.values()}
    for stack in resolved.stacks.values():
        own = [*stack.files, *stack.requested]
        locks += [path for path in own if path.parent not in of_services]
    files = {f"inputs/locks/{path.name}": path.read_bytes() for path in locks}
    for stack in resolved.stacks.values():
        for path in stack.wheels:
            name = path.relative_to(resolved.stacks_folder).as_posix()
            files[f"inputs/locks/{name}"] = path.read_bytes()
    for name, kept in resolved.service_files.items():
        record = serialise(services.record(resolved.services[name], kept))
        files[ServiceRecord.PATH.format(service=name)] = record
        files |= {f"inputs/services/{name}/{path}": data for path, data in kept.items()}
    found = source.here()
    shipped = source_archive(checkout.ROOT, resolved.stacks_folder, resolved.brought)
    files[Source.PATH] = serialise(
        Source(
            commit=found.commit,
            dirty=found.dirty,
            version=checkout.VERSION,
            shipped=hashlib.sha256(shipped).hexdigest(),
            reason=found.reason or UNSET,
            added=found.added or UNSET,
        )
    )
    if found.dirty:
        files["inputs/source.patch"] = redaction.without_credentials(found.patch)
    if ledger:
        files[LEDGER] = ledger.data
    # The plan comes last: where it is, the others are.
    return files | {SealedPlan.PATH: resolved.document}


def tool(folder: Path) -> Tool:
    """The source that measured a run, as it was when the run began."""
    found = typed.read(folder, Source)
    return Tool(version=found.version, commit=found.commit, dirty=found.dirty)


def host_before(session: Session) -> dict[str, bytes]:
    """The hosts, how they were set up, the database server and its rows, before the first trial.

    The host of the services is ``host/``; other hosts lie below it by their names.
    """
    site = session.site
    hosts = _hosts(site)
    names = {role: name for name, station in hosts.items() for role in station.roles}
    inventory = {
        "groups": {role: [names[role]] for role in sorted(names)},
        "tier": site.app.facts.placement.tier,
    }
    played = provisioning.of_hosts({name: each.host.spec for name, each in hosts.items()})
    return {
        **{f"host/provision/{name}": serialise(document) for name, document in played.items()},
        **_state(site, "{folder}/{kind}.before.json", ports="{folder}/ports.json"),
        Fingerprint.PATH: serialise(Fingerprint(sha256=fingerprint(facts_of(site)))),
        **{Server.path_of(name): serialise(server) for name, server in servers_of(session).items()},
        **_seeded(session),
        "inputs/inventory.redacted.yml": yaml.safe_dump(inventory).encode(),
    }


def host_again(site: Site, attempt: int) -> dict[str, bytes]:
    """The hosts when the run was resumed for the ``attempt``-th time."""
    place = f"{{folder}}/resumed-{attempt}/{{kind}}.json"
    return _state(site, place, ports=place.replace("{kind}", "ports"))


def host_after(session: Session) -> dict[str, bytes]:
    """The hosts after the last trial, what has moved since before, and the server's log."""
    files = {
        f"host/{log_of(name)}": zstandard.ZstdCompressor().compress(database.log())
        for name, database in session.databases.items()
    }
    for folder, station in _folders(session.site):
        after = station.deployment.facts()
        files[f"{folder}/facts.after.json"] = serialise(_without_name(after))
        files[f"{folder}/readings.after.json"] = serialise(station.deployment.readings())
        files[f"{folder}/drift.json"] = serialise(_moved(station.facts.facts, after.facts))
    return files


def log_of(database: str) -> str:
    """The name of the log of a database's server, in ``host/``."""
    return "postgres.log.zst" if database == POSTGRESQL else f"{database}.log.zst"


def servers_of(session: Session) -> dict[str, Server]:
    """The server of each database of the plan, as a bundle names it."""
    return {name: _server_of(database) for name, database in session.databases.items()}


def _server_of(database: Database) -> Server:
    running = database.running
    return Server(
        title=UNSET if database.kind == POSTGRESQL else database.client.title,
        version=running.version,
        settings=running.settings,
        made=running.made,
    )


def _seeded(session: Session) -> dict[str, bytes]:
    """The rows of the database; of applications those of each subject, too."""
    own = session.seeded if session.site.resolved.plan.application else {}
    first = next(iter(session.seeded.values()))
    of_subjects = {
        Seeded.OF_SUBJECT.format(subject=name): serialise(each) for name, each in own.items()
    }
    return {Seeded.PATH: serialise(first), **of_subjects}


def _state(site: Site, place: str, *, ports: str) -> dict[str, bytes]:
    """Facts, readings and ports of every host as the run found them, each at its place."""
    files = {}
    for folder, station in _folders(site):
        facts = _without_name(station.facts)
        files[place.format(folder=folder, kind="facts")] = serialise(facts)
        files[place.format(folder=folder, kind="readings")] = serialise(station.readings)
        document = station.ports.document(site.subjects)
        files[ports.format(folder=folder)] = serialise(document)
    return files


def _moved(before: Facts, after: Facts) -> dict[str, Moved]:
    """The facts that differ, by key."""
    then, now = asdict(before), asdict(after)
    return {
        key: Moved(before=then[key], after=value)
        for key, value in now.items()
        if value != then[key]
    }


def _hosts(site: Site) -> dict[str, Station]:
    """The hosts of a run by their names in the bundle: that of the services comes first."""
    return {f"host-{number}": each for number, each in enumerate(site.stations, start=1)}


def _folders(site: Site) -> Iterator[tuple[str, Station]]:
    """Where the bundle keeps what is known of each host: that of the services comes first."""
    for name, station in _hosts(site).items():
        yield "host" if name == "host-1" else f"host/{name}", station


def stack(subject: str, outcome: StackOutcome) -> dict[str, bytes]:
    """How the stack of a subject was made, or why it could not be."""
    return {StackOutcome.PATH.format(subject=subject): serialise(outcome)}


def made_schema(subject: str, outcome: SchemaOutcome) -> dict[str, bytes]:
    """The schema as a tool of the subject's ORM makes it, held against the dataset's."""
    return {SchemaOutcome.PATH.format(subject=subject): serialise(outcome)}


def script(subject: str, outcome: ScriptOutcome) -> dict[str, bytes]:
    """How a program ended that a claim speaks of."""
    return {ScriptOutcome.PATH.format(subject=subject, script=outcome.script): serialise(outcome)}


def contract(subject: str, checked: Fetched[Observed]) -> dict[str, bytes]:
    """What the service said of itself, the contract's cases, and sample answers."""
    folder = f"services/{subject}"
    files = {f"{folder}/check.json": serialise(_outcome(checked))}
    cases, log = checked.folder / "stdout", checked.folder / "log.txt"
    if cases.exists() and cases.stat().st_size:
        files[ContractOutcome.PATH.format(subject=subject)] = cases.read_bytes()
    if log.exists() and log.stat().st_size:
        files[f"{folder}/check.log.zst"] = zstandard.ZstdCompressor().compress(log.read_bytes())
    for sample in sorted((checked.folder / _SAMPLES).glob("*")):
        files[f"{folder}/{_SAMPLES}/{sample.name}"] = sample.read_bytes()
    return files


def work(subject: str, diagnosed: Fetched[Observed]) -> dict[str, bytes]:
    """What requests to the subject cost the database, and its answers to them."""
    files = {f"services/{subject}/diagnosis.json": serialise(_outcome(diagnosed))}
    if diagnosed.done.failure is None:
        for kind in (Sql, Answers, Effects):
            path = kind.PATH.format(subject=subject)
            left = diagnosed.folder / path.rpartition("/")[2]
            if kind is Effects and not left.exists():
                continue  # a service's
            files[path] = serialise(read_answer(left.read_text(), kind, where=str(left)))
    return files


def floor(load: str, driven: Fetched[Observed]) -> dict[str, bytes]:
    """What a load's generator reached against an endpoint that does no work; no raw samples."""
    folder = f"generators/{load}"
    kept = keep.reports(driven.folder)
    return {
        f"{folder}/floor.json": serialise(_outcome(driven)),
        **{f"{folder}/{path.name}": path.read_bytes() for path in kept},
    }


def silence(session: Session) -> dict[str, bytes]:
    """What the servers say of their logging after the diagnostic pass, before the first trial."""
    after = {
        key if name == POSTGRESQL else f"{name} {key}": told
        for name, database in session.databases.items()
        for key, told in database.running.logging.items()
    }
    return {StatementLog.PATH: serialise(StatementLog(schema="statement-log/1", after=after))}


def _outcome(fetched: Fetched[Observed]) -> OrderOutcome:
    return OrderOutcome(failure=fetched.done.failure, observed=fetched.done.observed)


def _without_name(facts: HostFacts) -> HostFacts:
    return replace(facts, hostname=UNSET)
