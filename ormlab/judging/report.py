"""``ormlab report``: one page about a sealed bundle, in words, tables and charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import report
from bundle import names, outside
from bundle.codec import decode
from bundle.errors import BundleError, RecordError
from bundle.format import Provenance
from bundle.read import Bundle
from bundle.storage import write_file
from ormlab.base import checkout
from ormlab.base.errors import LabError, UsageError
from ormlab.judging import judge

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.report import Report
    from ormlab.judging.ledger import LedgerFile

REPORTS = checkout.ROOT / "reports"


def make(path: Path, ledger: LedgerFile | None = None) -> Report:
    """Make the report of a bundle, and store nothing.

    The figures are those of ``derived/`` where this very program judged the bundle by this
    ledger; else they are computed anew. Either way the same bundle gives the same report.
    Without a ledger the claims are those that the bundle was judged by last.


    Returns:
        The report, for ``analysis.report.html`` and ``analysis.report.markdown``.

    Raises:
        BundleError: it is not sealed, its files are not what the seal says, or they do not hold
            what a report is made of.
        LedgerError: the ledger in ``derived/`` has problems.
    """
    bundle = Bundle.open(path, level="L1")
    try:
        derived = _derived(bundle, ledger)
        material = report.Material.read(
            bundle, derived.results, derived.explanation, derived.verdicts
        )
        return report.compose(material)
    except (BundleError, LabError):
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        what = names.printable(f"no report can be made of it: {type(error).__name__}: {error}")
        hint = "`ormlab verify` says what the bundle does not hold"
        raise RecordError(what[:300], where=path, hint=hint) from error


def store(text: str, target: Path) -> Path:
    """Write a rendered report, whole or not at all.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, text.encode())
    except OSError as error:
        raise UsageError(
            "report-unwritten",
            f"the report cannot be written: {error.strerror}",
            where=str(target),
            hint="give another file with -o",
        ) from error
    return target


def _derived(bundle: Bundle, ledger: LedgerFile | None) -> judge.Derived:
    """What follows from the bundle, read from derived/ or computed anew."""
    folder = bundle.path / names.DERIVED
    if _is_ours(folder, bundle, ledger):
        return judge.Derived.read(bundle.path)
    return judge.derive(bundle, ledger or _last(folder))


def _is_ours(folder: Path, bundle: Bundle, ledger: LedgerFile | None) -> bool:
    """Whether this program, as it stands in a commit, judged this bundle by this ledger.

    That a bundle says so proves nothing: this checkout has to remember it.
    """
    file = folder / names.DERIVED_MANIFEST
    if not file.is_file() or not judge.has_judged(bundle.path):
        return False
    head = outside.bytes_of(file).partition(b"\n")[0].removeprefix(b"# ")
    by = decode(head, Provenance, where=file)
    tool = judge.tool()
    return (
        by.seal == bundle.seal
        and by.tool == tool
        and tool.dirty is False
        and by.analysis_lock == judge.analysis_lock()
        and (ledger is None or by.ledger == ledger.sha256)
    )


def _last(folder: Path) -> LedgerFile | None:
    """The ledger that a bundle was judged by last."""
    from ormlab.judging import ledger as ledgers  # noqa: PLC0415 - the ledger reads plans; a report rarely needs it

    file = folder / "ledger.yaml"
    return ledgers.load(str(file), recorded=True) if file.exists() else None
