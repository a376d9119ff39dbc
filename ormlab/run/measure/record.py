"""What a bundle keeps of a run, beside the trials: pure functions from facts to files."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
import zstandard

from bundle.codec import serialise
from bundle.coherence import LEDGER
from bundle.documents.host import HostFacts
from bundle.format import Redaction, Tool
from ormlab.base import checkout, source
from ormlab.hosts.fingerprint import fingerprint
from ormlab.provision import record as provisioning
from ormlab.run.measure import keep, redaction
from ormlab.run.measure.deployment import source_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ormlab.judging.ledger import LedgerFile
    from ormlab.plan import ResolvedPlan
    from ormlab.run.measure.session import Session
    from ormlab.run.measure.station import Fetched, Station

REDACTIONS = (
    Redaction(path="host/*.json", reason="the host name is taken out"),
    Redaction(path="host/postgres.json", reason="the path of the password file is taken out"),
    Redaction(path="host/provision/*.json", reason="what Ansible's modules returned is taken out"),
)
SOURCE = "inputs/source.json"
_SAMPLES = "samples"
_WORK = ("sql.json", "answers.json")


def facts_of(session: Session) -> dict[str, HostFacts]:
    """The facts of each host of a run, by the name it has in the bundle."""
    hosts = _hosts(session)
    return {name: msgspec.convert(each.facts, HostFacts) for name, each in hosts.items()}


def inputs(resolved: ResolvedPlan, ledger: LedgerFile | None = None) -> dict[str, bytes]:
    """What decided the run: plan, locks, source, and the ledger that it puts on trial."""
    locks = [checkout.ROOT / "requirements/agent.txt", resolved.stacks_folder / "stacks.toml"]
    for stack in resolved.stacks.values():
        locks += stack.files
    files = {f"inputs/locks/{path.name}": path.read_bytes() for path in locks}
    shipped = hashlib.sha256(source_archive(checkout.ROOT, resolved.stacks_folder)).hexdigest()
    found = source.here()
    told = {"commit": found.commit, "dirty": found.dirty, "version": checkout.VERSION}
    why = {"reason": found.reason} if found.reason else {}
    added = {"added": found.added} if found.added else {}
    files[SOURCE] = serialise({**told, "shipped": shipped, **why, **added})
    if found.dirty:
        files["inputs/source.patch"] = redaction.without_credentials(found.patch)
    if ledger:
        files[LEDGER] = ledger.data
    # The plan comes last: where it is, the others are.
    return files | {"inputs/plan.yaml": resolved.document}


def tool(folder: Path) -> Tool:
    """What measured a run: the source as it was when the run began, whatever it is by now."""
    told = json.loads((folder / SOURCE).read_bytes())
    return Tool(version=told["version"], commit=told["commit"], dirty=told["dirty"])


def host_before(session: Session) -> dict[str, bytes]:
    """The hosts, how they were set up, the database server and its rows, before the first trial.

    That of the services is ``host/``; others, where they are apart, lie below it by their names.
    """
    server = {key: session.server[key] for key in ("version", "settings", "made")}
    hosts = _hosts(session)
    names = {role: name for name, station in hosts.items() for role in station.roles}
    inventory = {
        "groups": {role: [names[role]] for role in sorted(names)},
        "tier": session.facts["placement"]["tier"],
    }
    played = provisioning.of_hosts({name: each.host.spec for name, each in hosts.items()})
    files = {f"host/provision/{name}": serialise(document) for name, document in played.items()}
    for folder, station in _folders(session):
        files[f"{folder}/facts.before.json"] = serialise(_without_name(station.facts))
        files[f"{folder}/readings.before.json"] = serialise(station.readings)
        files[f"{folder}/ports.json"] = serialise(station.ports.document(session.subjects))
    return {
        **files,
        "host/fingerprint.json": serialise({"sha256": fingerprint(facts_of(session))}),
        "host/postgres.json": serialise(server),
        "host/dataset.json": serialise(session.template),
        "inputs/inventory.redacted.yml": yaml.safe_dump(inventory).encode(),
    }


def host_after(session: Session) -> dict[str, bytes]:
    """The hosts after the last trial, what has moved since before, and the server's log."""
    log = zstandard.ZstdCompressor().compress(session.database.log())
    files = {"host/postgres.log.zst": log}
    for folder, station in _folders(session):
        before, after = station.facts, station.ask("facts")
        drift = {
            key: {"before": before["facts"][key], "after": value}
            for key, value in after["facts"].items()
            if value != before["facts"][key]
        }
        files[f"{folder}/facts.after.json"] = serialise(_without_name(after))
        files[f"{folder}/readings.after.json"] = serialise(station.read_readings())
        files[f"{folder}/drift.json"] = serialise(drift)
    return files


def host_again(session: Session, attempt: int) -> dict[str, bytes]:
    """The hosts when the run was resumed for the ``attempt``-th time."""
    files = {}
    for folder, station in _folders(session):
        files[f"{folder}/resumed-{attempt}/facts.json"] = serialise(_without_name(station.facts))
        files[f"{folder}/resumed-{attempt}/readings.json"] = serialise(station.readings)
        ports = serialise(station.ports.document(session.subjects))
        files[f"{folder}/resumed-{attempt}/ports.json"] = ports
    return files


def _hosts(session: Session) -> dict[str, Station]:
    """The hosts of a run by their names in the bundle: that of the services comes first."""
    return {f"host-{number}": each for number, each in enumerate(session.stations, start=1)}


def _folders(session: Session) -> Iterator[tuple[str, Station]]:
    """Where the bundle keeps what is known of each host: that of the services comes first."""
    for name, station in _hosts(session).items():
        yield "host" if name == "host-1" else f"host/{name}", station


def stack(subject: str, outcome: dict[str, Any]) -> dict[str, bytes]:
    """How the stack of a subject was made, or why it could not be."""
    return {f"services/{subject}/stack.json": serialise(outcome)}


def contract(subject: str, checked: Fetched) -> dict[str, bytes]:
    """What the service said of itself, the contract's cases, and sample answers."""
    folder = f"services/{subject}"
    files = {
        f"{folder}/check.json": serialise(
            {"failure": checked.done.failure, "observed": checked.done.observed}
        )
    }
    cases, log = checked.folder / "stdout", checked.folder / "log.txt"
    if cases.exists() and cases.stat().st_size:
        files[f"{folder}/contract.json"] = cases.read_bytes()
    if log.exists() and log.stat().st_size:
        files[f"{folder}/check.log.zst"] = zstandard.ZstdCompressor().compress(log.read_bytes())
    for sample in sorted((checked.folder / _SAMPLES).glob("*")):
        files[f"{folder}/{_SAMPLES}/{sample.name}"] = sample.read_bytes()
    return files


def work(subject: str, diagnosed: Fetched) -> dict[str, bytes]:
    """What requests to the subject cost the database, and its answers to them."""
    folder = f"services/{subject}"
    files = {
        f"{folder}/diagnosis.json": serialise(
            {"failure": diagnosed.done.failure, "observed": diagnosed.done.observed}
        )
    }
    for name in _WORK:
        path = diagnosed.folder / name
        if path.exists():
            files[f"{folder}/{name}"] = serialise(json.loads(path.read_bytes()))
    return files


def floor(load: str, driven: Fetched) -> dict[str, bytes]:
    """What a load's generator reached against an endpoint that does no work; no raw samples."""
    folder = f"generators/{load}"
    told = {"failure": driven.done.failure, "observed": driven.done.observed}
    kept = keep.reports(driven.folder)
    return {
        f"{folder}/floor.json": serialise(told),
        **{f"{folder}/{path.name}": path.read_bytes() for path in kept},
    }


def silence(session: Session) -> dict[str, bytes]:
    """What the server says of its logging after the diagnostic pass, before the first trial."""
    document = {"schema": "statement-log/1", "after": session.server["logging"]}
    return {"host/statement-log.json": serialise(document)}


def _without_name(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "hostname"}
