"""What a bundle keeps of a run, beside the trials: pure functions from facts to files."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
import zstandard

from ormlab import checkout
from ormlab.bundle.coherence import LEDGER
from ormlab.bundle.format import Redaction
from ormlab.measure import keep
from ormlab.measure.deployment import source_archive
from ormlab.provision import record as provisioning

if TYPE_CHECKING:
    from ormlab.ledger import LedgerFile
    from ormlab.measure.session import Fetched, Session
    from ormlab.plan import ResolvedPlan

VERSION = version("ormlab")
REDACTIONS = (
    Redaction(path="host/*.json", reason="the host name is taken out"),
    Redaction(path="host/postgres.json", reason="the path of the password file is taken out"),
    Redaction(path="host/provision/*.json", reason="what Ansible's modules returned is taken out"),
)
_SAMPLES = "samples"
_WORK = ("sql.json", "answers.json")


def encode(value: object) -> bytes:
    """JSON as the bundle's files hold it: sorted keys; null for NaN and infinity."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def fingerprint(facts: dict[str, Any]) -> str:
    """Digest of the facts that decide whether results of two hosts may be compared."""
    identity = {key: facts["facts"][key] for key in facts["identity"]}
    identity["tier"] = facts["placement"]["tier"]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def inputs(resolved: ResolvedPlan, ledger: LedgerFile | None = None) -> dict[str, bytes]:
    """What decided the run: plan, locks, source, and the ledger that it puts on trial.

    The digest of what is shipped to hosts also tells of files that git does not know.
    """
    commit, dirty = checkout.commit()
    locks = [checkout.ROOT / "requirements/agent.txt", resolved.stacks_folder / "stacks.toml"]
    for stack in resolved.stacks.values():
        locks += stack.files
    files = {f"inputs/locks/{path.name}": path.read_bytes() for path in locks}
    shipped = hashlib.sha256(source_archive(checkout.ROOT, resolved.stacks_folder)).hexdigest()
    source = {"commit": commit, "dirty": dirty, "version": VERSION, "shipped": shipped}
    files["inputs/source.json"] = encode(source)
    if dirty and commit:
        files["inputs/source.patch"] = checkout.patch()
    if ledger:
        files[LEDGER] = ledger.data
    # The plan comes last: where it is, the others are.
    return files | {"inputs/plan.yaml": resolved.document}


def host_before(session: Session) -> dict[str, bytes]:
    """The host, how it was set up, its database server and its rows, before the first trial."""
    server = {key: session.server[key] for key in ("version", "settings", "made")}
    inventory = {
        "groups": {"app": ["host-1"], "db": ["host-1"], "load": ["host-1"]},
        "tier": session.facts["placement"]["tier"],
    }
    played = provisioning.of_hosts(session.hosts)
    return {
        **{f"host/provision/{name}": encode(document) for name, document in played.items()},
        "host/facts.before.json": encode(_without_name(session.facts)),
        "host/readings.before.json": encode(session.readings),
        "host/fingerprint.json": encode({"sha256": fingerprint(session.facts)}),
        "host/postgres.json": encode(server),
        "host/dataset.json": encode(session.template),
        "inputs/inventory.redacted.yml": yaml.safe_dump(inventory).encode(),
    }


def host_after(session: Session) -> dict[str, bytes]:
    """The host after the last trial, what has moved since before, and the server's log."""
    before, after = session.facts, session.read_facts()
    drift = {
        key: {"before": before["facts"][key], "after": value}
        for key, value in after["facts"].items()
        if value != before["facts"][key]
    }
    return {
        "host/facts.after.json": encode(_without_name(after)),
        "host/readings.after.json": encode(session.read_readings()),
        "host/drift.json": encode(drift),
        "host/postgres.log.zst": zstandard.ZstdCompressor().compress(session.database_log()),
    }


def host_again(session: Session, attempt: int) -> dict[str, bytes]:
    """The host when the run was resumed for the ``attempt``-th time."""
    return {
        f"host/resumed-{attempt}/facts.json": encode(_without_name(session.facts)),
        f"host/resumed-{attempt}/readings.json": encode(session.readings),
    }


def stack(subject: str, outcome: dict[str, Any]) -> dict[str, bytes]:
    """How the stack of a subject was made, or why it could not be."""
    return {f"services/{subject}/stack.json": encode(outcome)}


def contract(subject: str, checked: Fetched) -> dict[str, bytes]:
    """What the service said of itself, the contract's cases, and sample answers."""
    folder = f"services/{subject}"
    files = {
        f"{folder}/check.json": encode(
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
        f"{folder}/diagnosis.json": encode(
            {"failure": diagnosed.done.failure, "observed": diagnosed.done.observed}
        )
    }
    for name in _WORK:
        path = diagnosed.folder / name
        if path.exists():
            files[f"{folder}/{name}"] = encode(json.loads(path.read_bytes()))
    return files


def floor(load: str, driven: Fetched) -> dict[str, bytes]:
    """What a load's generator reached against an endpoint that does no work; no raw samples."""
    folder = f"generators/{load}"
    told = {"failure": driven.done.failure, "observed": driven.done.observed}
    kept = keep.reports(driven.folder)
    return {
        f"{folder}/floor.json": encode(told),
        **{f"{folder}/{path.name}": path.read_bytes() for path in kept},
    }


def silence(session: Session) -> dict[str, bytes]:
    """What the server says of its logging after the diagnostic pass, before the first trial."""
    document = {"schema": "statement-log/1", "after": session.server["logging"]}
    return {"host/statement-log.json": encode(document)}


def _without_name(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "hostname"}
