"""Judging a sealed bundle: results computed from its files alone, written into derived/."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from analysis import claims, explanation, results
from bundle import names, outside, typed
from bundle.codec import serialise
from bundle.derived import write_derived
from bundle.documents.explanation import Explanation
from bundle.documents.host import HostFacts
from bundle.documents.results import Results
from bundle.documents.verdicts import Verdicts
from bundle.errors import RecordError
from bundle.format import Provenance, Tool
from bundle.read import Bundle
from bundle.verify import verify
from ormlab.base import checkout, source
from ormlab.base.errors import LoadError
from ormlab.judging import verdicts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from bundle.documents.plan import SealedPlan
    from bundle.documents.verdicts import Judgement
    from ormlab.judging.ledger import LedgerFile


@dataclass(frozen=True)
class Derived:
    """Everything that follows from a bundle's own files."""

    results: Results  #: of the run
    explanation: Explanation | None  #: None if its plan explains nothing
    verdicts: Verdicts | None  #: on the claims of a ledger; None without one
    ledger: LedgerFile | None  #: that the claims are of, where they were judged here; else None

    @classmethod
    def read(cls, bundle: Path) -> Self:
        """Read what stands in derived/ of a bundle, whoever wrote it.

        Raises:
            FileNotFoundError: it has no results.
            OSError: a document is no regular file, or too large.
            RecordError: it is not what it should be.
        """
        return cls(
            results=typed.read(bundle, Results),
            explanation=typed.read_if_there(bundle, Explanation),
            verdicts=typed.read_if_there(bundle, Verdicts),
            ledger=None,
        )

    def files(self) -> dict[str, bytes]:
        """Bytes by path relative to derived/."""
        documents = {
            "results.json": self.results,
            "explanation.json": self.explanation,
            "verdicts.json": self.verdicts,
        }
        files = {name: serialise(each) for name, each in documents.items() if each is not None}
        return files | ({"ledger.yaml": self.ledger.data} if self.ledger else {})


def judge(path: Path, ledger: LedgerFile | None = None) -> Derived:
    """Compute the results of a bundle anew and store them in it, with verdicts by a ledger.

    Raises:
        BundleError: it is not sealed, or its files are not what the seal says.
    """
    bundle = open_sealed(path)
    derived = derive(bundle, ledger)
    provenance = Provenance(
        seal=str(bundle.seal),
        ledger=ledger.sha256 if ledger else None,
        analysis_lock=analysis_lock(),
        tool=tool(),
    )
    write_derived(path, derived.files(), provenance)
    with suppress(OSError):  # a checkout that this user may only read remembers nothing
        _memory(path).parent.mkdir(parents=True, exist_ok=True)
        _memory(path).touch()
    return derived


def judge_several(
    paths: Sequence[Path],
    ledger: LedgerFile,
    *,
    only: Collection[str] | None = None,
    store: bool = False,
) -> Judgement:
    """Judge the claims of a ledger by several bundles.

    Args:
        paths: the folders of the bundles.
        ledger: of the claims.
        only: the claims to judge; all if None.
        store: judge each bundle for itself as well, and store that in it.

    Raises:
        BundleError: one is not sealed, or its files are not what the seal says.
    """
    runs = []
    for path in paths:
        if store:
            derived, bundle = judge(path, ledger), Bundle.open(path)
        else:
            bundle = Bundle.open(path, level="L1")
            derived = derive(bundle)
        runs.append(verdicts.run_of(bundle, derived.results, ledger.ledger))
    return claims.judgement(ledger.ledger, ledger.sha256, runs, only=only)


def without_trial(found: Results, bundle: Path) -> LoadError | None:
    """The error of a run of which no trial may be used; None if one may, or the run has none."""
    if found.cells or not found.failures:
        return None
    return LoadError(
        "no-usable-trial",
        found.conclusion,
        where=str(bundle),
        hint="the bundle is sealed and keeps every trial's files and logs; docs/failures.md and "
        "docs/gates.md say what the codes mean",
    )


def has_judged(path: Path) -> bool:
    """Whether this checkout itself wrote the files in derived/, whatever they claim."""
    return _memory(path).exists()


def _memory(path: Path) -> Path:
    """A file that exists if this checkout wrote the derived/ that a bundle has now."""
    manifest = path / names.DERIVED / names.DERIVED_MANIFEST
    said = outside.bytes_of(manifest) if manifest.is_file() else b""
    return checkout.STATE / "judged" / hashlib.sha256(said).hexdigest()


def open_sealed(path: Path) -> Bundle:
    """Open a bundle at L1; faults of derived/ do not count, because it is made again."""
    problems = verify(path, "L1").problems
    if all(problem.code.startswith("derived-") for problem in problems):
        return Bundle.open(path)
    return Bundle.open(path, level="L1")


def derive(bundle: Bundle, ledger: LedgerFile | None = None) -> Derived:
    """Compute everything that follows from a bundle's own files, and store nothing.

    Whoever verifies a bundle computes these again and compares.

    Raises:
        RecordError: a file does not hold what the analysis needs, or a trial is of a subject,
            workload or load that the plan does not have.
    """
    with outside.readable(bundle.path):
        sealed = typed.read_plan(bundle.path)
        _require_planned(bundle, sealed)
        found = results.derive(bundle, sealed, typed.read(bundle.path, HostFacts))
        return Derived(
            results=found,
            explanation=explanation.derive(bundle, sealed, found),
            verdicts=_verdicts(bundle, found, ledger) if ledger else None,
            ledger=ledger,
        )


def _verdicts(bundle: Bundle, found: Results, ledger: LedgerFile) -> Verdicts:
    run = verdicts.run_of(bundle, found, ledger.ledger)
    return claims.verdicts(ledger.ledger, ledger.sha256, run)


def _require_planned(bundle: Bundle, sealed: SealedPlan) -> None:
    """Refuse a trial of what the plan does not have: nothing says what it measured."""
    plan = sealed.plan
    for trial in bundle.trials:
        record = trial.record
        for kind, name, known in (
            ("subject", record.subject, plan.subjects.keys() | sealed.arms.keys()),
            ("workload", record.workload, plan.workloads.keys()),
            ("load", record.load, plan.loads.keys()),
        ):
            if name not in known:
                raise RecordError(
                    f"the plan has no {kind} {name!a}",
                    where=f"{names.TRIALS}/{trial.path.name}/{names.TRIAL}",
                    hint="`ormlab verify` says what else in the bundle contradicts its plan",
                )


def tool() -> Tool:
    """The version and commit of the lab that judges."""
    found = source.here()
    return Tool(version=checkout.VERSION, commit=found.commit, dirty=found.dirty)


def analysis_lock() -> str:
    """Digest of the hash-locked requirements that the analysis runs with, hex."""
    return hashlib.sha256((checkout.ROOT / "requirements/lab.txt").read_bytes()).hexdigest()
