"""Level L2: what the files of a bundle say, held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis import coherence as generators
from bundle import coherence, contents, fits, names, outside
from bundle.codec import decode
from bundle.format import BundleRecord
from ormlab.hosts.fingerprint import fingerprint
from workloads.stacks import locks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bundle.findings import Findings
    from bundle.read import Trial

_BEFORE = "host/facts.before.json"
_AFTER = "host/facts.after.json"
_FINGERPRINT = "host/fingerprint.json"


def check(root: Path, found: Findings) -> None:
    """Check a bundle that reaches L1."""
    documents_by_path = fits.check(root, found)
    _check_locks(root, found)
    plan = documents_by_path.get(outside.PLAN)
    trials = coherence.check(root, plan, found)
    rows = contents.check(root, found)
    for trial in trials:
        folder = f"{names.TRIALS}/{trial.path.name}"
        _check_rows(trial, folder, documents_by_path, rows, found)
        if any(p.code == "table-damaged" and p.path.startswith(folder) for p in found.problems):
            continue
        drive = plan["plan"]["loads"].get(trial.record.load, {}) if plan else {}
        for code, file, what in generators.check(trial, faults=bool(drive.get("kill"))):
            found.add(code, f"{folder}/{file}", names.printable(what))
    _check_host(root, documents_by_path, found)


def _check_locks(root: Path, found: Findings) -> None:
    """What an installer would be given holds pins and hashes only."""
    for file in sorted((root / "inputs/locks").glob("*.txt")):
        try:
            locks.read(file)
        except locks.StackFileError as error:
            found.add("lock-malformed", f"inputs/locks/{file.name}", names.printable(str(error)))


def _check_rows(
    trial: Trial,
    folder: str,
    documents_by_path: Mapping[str, Any],
    rows: Mapping[str, int],
    found: Findings,
) -> None:
    declared: dict[str, int] = {}
    client = documents_by_path.get(f"{folder}/client.json")
    if client:
        declared["samples.parquet"] = client["samples"]["rows"]
    sampler = trial.record.readings.get("sampler")
    if isinstance(sampler, dict) and "readings" in sampler:
        declared["resources.parquet"] = sampler["readings"]
    for name, due in declared.items():
        path = f"{folder}/{name}"
        if (trial.path / name).exists():
            count = rows.get(path)
            if count is not None and count != due:
                found.add("table-rows", path, f"{count}, declared are {due}")
        elif trial.record.status == "completed":
            found.add("document-missing", path)


def _check_host(root: Path, documents_by_path: Mapping[str, Any], found: Findings) -> None:
    """The hosts are those that were fingerprinted, before the run and after it."""
    before, after = (_facts(documents_by_path, when) for when in (_BEFORE, _AFTER))
    stated = documents_by_path.get(_FINGERPRINT)
    record = decode(outside.bytes_of(root / names.RECORD), BundleRecord, where=names.RECORD)
    if before and stated:
        digest = _fingerprint(before)
        for path, said in ((_FINGERPRINT, stated["sha256"]), (names.RECORD, record.host)):
            if said != digest:
                found.add("host-fingerprint", path, f"{said}, the facts give {digest}")
    if before and after and _fingerprint(after) != _fingerprint(before):
        moved = [
            key
            for name in before.keys() & after.keys()
            for key in before[name]["identity"]
            if after[name]["facts"].get(key) != before[name]["facts"].get(key)
        ]
        found.add("host-changed", _AFTER, names.printable(", ".join(moved) or "placement"))
    # An interrupted run has no time to look again.
    if not (root / _AFTER).exists() and record.status != "aborted":
        found.add("document-missing", _AFTER)


def _facts(documents_by_path: Mapping[str, Any], path: str) -> dict[str, dict[str, Any]]:
    """The facts of each host by its name in the bundle: ``host/``, and others below it."""
    folder, _, file = path.rpartition("/")
    found = {"host-1": documents_by_path.get(path)}
    for other, document in documents_by_path.items():
        if other.startswith(f"{folder}/host-") and other.endswith(f"/{file}"):
            found[other.split("/")[1]] = document
    return {name: facts for name, facts in found.items() if facts}


def _fingerprint(facts: Mapping[str, dict[str, Any]]) -> str | None:
    try:
        return fingerprint(facts)
    except KeyError:
        return None
