"""Level L2: what the files of a bundle say, held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import generators
from bundle import coherence, contents, fits, names, outside
from bundle.codec import decode
from bundle.documents.host import Fingerprint, HostFacts
from bundle.documents.plan import SealedPlan
from bundle.format import BundleRecord
from bundle.generators import GENERATORS
from ormlab.hosts.fingerprint import fingerprint
from workloads.stacks import locks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bundle.findings import Findings
    from bundle.fits import Fitting
    from bundle.read import Trial

_BEFORE = "host/facts.before.json"
_AFTER = "host/facts.after.json"


def check(root: Path, found: Findings) -> None:
    """Check a bundle that reaches L1."""
    fit = fits.check(root, found)
    _check_locks(root, found)
    sealed = fit.get(SealedPlan.PATH, SealedPlan)
    trials = coherence.check(root, sealed, found)
    rows = contents.check(root, found)
    for trial in trials:
        folder = f"{names.TRIALS}/{trial.path.name}"
        _check_rows(trial, fit, rows, found)
        if any(p.code == "table-damaged" and p.path.startswith(folder) for p in found.problems):
            continue
        drive = sealed.plan.loads.get(trial.record.load) if sealed else None
        faults = drive is not None and drive.kill is not None
        for code, file, what in generators.contradictions(trial, faults=faults):
            found.add(code, f"{folder}/{file}", names.printable(what))
    for trial, (code, file, what) in generators.disagreements(trials):
        found.add(code, f"{names.TRIALS}/{trial.path.name}/{file}", names.printable(what))
    _check_host(root, fit, found)


def _check_locks(root: Path, found: Findings) -> None:
    """What an installer would be given holds pins and hashes only."""
    for file in sorted((root / "inputs/locks").glob("*.txt")):
        try:
            locks.read(file)
        except locks.StackFileError as error:
            found.add("lock-malformed", f"inputs/locks/{file.name}", names.printable(str(error)))


def _check_rows(trial: Trial, fit: Fitting, rows: Mapping[str, int], found: Findings) -> None:
    folder = f"{names.TRIALS}/{trial.path.name}"
    declared: dict[str, int] = {}
    for generator in GENERATORS.values():
        if report := fit.get(f"{folder}/{generator.report.PATH}", generator.report):
            declared |= report.rows
    if trial.record.readings.sampler:
        declared["resources.parquet"] = trial.record.readings.sampler.readings
    for name, due in declared.items():
        path = f"{folder}/{name}"
        if (trial.path / name).exists():
            count = rows.get(path)
            if count is not None and count != due:
                found.add("table-rows", path, f"{count}, declared are {due}")
        elif trial.record.status == "completed":
            found.add("document-missing", path)


def _check_host(root: Path, fit: Fitting, found: Findings) -> None:
    """The hosts are those that were fingerprinted, before the run and after it."""
    before, after = (_facts(fit, when) for when in (_BEFORE, _AFTER))
    stated = fit.get(Fingerprint.PATH, Fingerprint)
    record = decode(outside.bytes_of(root / names.RECORD), BundleRecord, where=names.RECORD)
    if before and stated:
        digest = _fingerprint(before)
        for path, stated_digest in ((Fingerprint.PATH, stated.sha256), (names.RECORD, record.host)):
            if stated_digest != digest:
                found.add("host-fingerprint", path, f"{stated_digest}, the facts give {digest}")
    if before and after and _fingerprint(after) != _fingerprint(before):
        changed = [
            key
            for name in before.keys() & after.keys()
            for key in before[name].identity
            if _fact(after[name], key) != _fact(before[name], key)
        ]
        found.add("host-changed", _AFTER, names.printable(", ".join(changed) or "placement"))
    # An interrupted run has no time to look again.
    if not (root / _AFTER).exists() and record.status != "aborted":
        found.add("document-missing", _AFTER)


def _facts(fit: Fitting, path: str) -> dict[str, HostFacts]:
    """The facts of each host by its name in the bundle: ``host/``, and others below it."""
    folder, _, file = path.rpartition("/")
    first = fit.get(path, HostFacts)
    others = {
        other.split("/")[1]: facts
        for other, facts in fit.of(HostFacts)
        if other.startswith(f"{folder}/host-") and other.endswith(f"/{file}")
    }
    return ({"host-1": first} if first else {}) | others


def _fact(facts: HostFacts, key: str) -> object:
    """A fact by its key; None also for a key that is none, which has no fingerprint."""
    return getattr(facts.facts, key, None)


def _fingerprint(facts: Mapping[str, HostFacts]) -> str | None:
    try:
        return fingerprint(facts)
    except KeyError:
        return None
