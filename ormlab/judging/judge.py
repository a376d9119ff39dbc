"""Judging a sealed bundle: results computed from its files alone, written into derived/."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from analysis import explanation, results
from analysis.claims import judgement
from bundle import names, outside
from bundle.codec import serialise
from bundle.derived import write_derived
from bundle.errors import RecordError
from bundle.format import Provenance, Tool
from bundle.read import Bundle
from bundle.verify import verify
from ormlab.base import checkout, source
from ormlab.base.errors import LoadError
from ormlab.judging import verdicts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from ormlab.judging.ledger import LedgerFile


def judge(path: Path, ledger: LedgerFile | None = None) -> dict[str, Any]:
    """Compute the results of a bundle anew and store them in it.

    Args:
        path: the folder of the bundle.
        ledger: claims to judge by it; the verdicts are stored beside the results.

    Returns:
        The document of ``derived/results.json``, or with a ledger that of ``verdicts.json``.

    Raises:
        BundleError: it is not sealed, or its files are not what the seal says.
    """
    bundle = open_sealed(path)
    files = derived_files(bundle, ledger)
    provenance = Provenance(
        seal=str(bundle.seal),
        ledger=ledger.sha256 if ledger else None,
        analysis_lock=analysis_lock(),
        tool=tool(),
    )
    write_derived(path, files, provenance)
    with suppress(OSError):  # a checkout that this user may only read remembers nothing
        _memory(path).parent.mkdir(parents=True, exist_ok=True)
        _memory(path).touch()
    document: dict[str, Any] = json.loads(files["verdicts.json" if ledger else "results.json"])
    return document


def judge_several(
    paths: Sequence[Path],
    ledger: LedgerFile,
    *,
    only: Collection[str] | None = None,
    store: bool = False,
) -> dict[str, Any]:
    """Judge the claims of a ledger by several bundles.

    Args:
        paths: the folders of the bundles.
        ledger: of the claims.
        only: the claims to judge; all if None.
        store: judge each bundle for itself as well, and store that in it.

    Returns:
        The document ``judgement/1``, which names the bundles' seals.

    Raises:
        BundleError: one is not sealed, or its files are not what the seal says.
    """
    runs = []
    for path in paths:
        if store:
            judge(path, ledger)
            bundle = Bundle.open(path)
            results = (path / "derived/results.json").read_bytes()
        else:
            bundle = Bundle.open(path, level="L1")
            results = derived_files(bundle)["results.json"]
        runs.append(verdicts.run_of(bundle, json.loads(results), ledger.ledger))
    return judgement(ledger.ledger, ledger.sha256, runs, only=only)


def without_trial(results: Mapping[str, Any], bundle: Path) -> LoadError | None:
    """The error of a run of which no trial may be used; None if one may, or none was carried out.

    Args:
        results: the document of ``derived/results.json``.
        bundle: whose it is.
    """
    if results["cells"] or not results["failures"]:
        return None
    return LoadError(
        "no-usable-trial",
        str(results["conclusion"]),
        where=str(bundle),
        hint="the bundle is sealed and keeps every trial's files and logs; docs/failures.md and "
        "docs/gates.md say what the codes mean",
    )


def has_judged(path: Path) -> bool:
    """Whether this checkout itself wrote what stands in derived/, whatever that says of itself."""
    return _memory(path).exists()


def _memory(path: Path) -> Path:
    """A file that is there if this checkout judged a bundle so."""
    manifest = path / names.DERIVED / names.DERIVED_MANIFEST
    said = outside.bytes_of(manifest) if manifest.is_file() else b""
    return checkout.STATE / "judged" / hashlib.sha256(said).hexdigest()


def open_sealed(path: Path) -> Bundle:
    """Open a bundle at L1, whatever is wrong with derived/, which is about to be made anew."""
    problems = verify(path, "L1").problems
    if all(problem.code.startswith("derived-") for problem in problems):
        return Bundle.open(path)
    return Bundle.open(path, level="L1")


def derived_files(bundle: Bundle, ledger: LedgerFile | None = None) -> dict[str, bytes]:
    """Compute everything that follows from a bundle's own files, and store nothing.

    Whoever verifies a bundle computes these again and compares.

    Returns:
        Bytes by path relative to derived/.

    Raises:
        RecordError: a file does not hold what the analysis needs, or a trial is of a subject,
            workload or load that the plan does not have.
    """
    with outside.readable(bundle.path):
        return _derived_files(bundle, ledger)


def _derived_files(bundle: Bundle, ledger: LedgerFile | None) -> dict[str, bytes]:
    resolved = outside.plan_of(bundle.path)
    _require_planned(bundle, resolved)
    facts = outside.json_of(bundle.path / "host/facts.before.json")
    derived = {"results.json": results.derive(bundle, resolved, facts)}
    explained = explanation.derive(bundle, resolved, derived["results.json"])
    if explained is not None:
        derived["explanation.json"] = explained
    files = {name: serialise(document) for name, document in derived.items()}
    if ledger is not None:
        files |= verdicts.verdict_files(bundle, json.loads(files["results.json"]), ledger)
    return files


def _require_planned(bundle: Bundle, resolved: Mapping[str, Any]) -> None:
    """Refuse a trial of what the plan does not have: nothing says what it measured."""
    plan = resolved["plan"]
    known = {
        "subject": {*plan["subjects"], *resolved["arms"]},
        "workload": plan["workloads"],
        "load": plan["loads"],
    }
    for trial in bundle.trials:
        for kind, names_known in known.items():
            name = getattr(trial.record, kind)
            if name not in names_known:
                raise RecordError(
                    f"the plan has no {kind} {name!a}",
                    where=f"{names.TRIALS}/{trial.path.name}/{names.TRIAL}",
                    hint="`ormlab verify` says what else in the bundle contradicts its plan",
                )


def tool() -> Tool:
    """What judges: this version, at the commit that is checked out."""
    found = source.here()
    return Tool(version=checkout.VERSION, commit=found.commit, dirty=found.dirty)


def analysis_lock() -> str:
    """Digest of the hash-locked requirements that the analysis runs with, hex."""
    return hashlib.sha256((checkout.ROOT / "requirements/lab.txt").read_bytes()).hexdigest()
