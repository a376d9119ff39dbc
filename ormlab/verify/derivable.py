"""Level L3: what follows from the files of a bundle, computed again and compared."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args, get_type_hints

from bundle import codec, names, outside, tree, typed
from bundle.codec import decode
from bundle.documents.explanation import Explanation
from bundle.documents.plan import SealedPlan
from bundle.documents.results import Results
from bundle.documents.verdicts import Verdicts
from bundle.errors import BundleError
from bundle.fits import Named
from bundle.format import Provenance
from bundle.read import Bundle
from ormlab import plan
from ormlab.base.errors import LabError
from ormlab.judging import judge, ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.findings import Findings
    from bundle.format import Tool

RESULTS: Final = f"{names.DERIVED}/results.json"
_LEDGER: Final = f"{names.DERIVED}/ledger.yaml"
_DIGITS: Final = 5e-7  # half of the sixth significant digit
_MOST_SHOWN: Final = 5


class _Difference(NamedTuple):
    """One difference; `both` says that each side has a value there."""

    what: str
    both: bool


def check(root: Path, found: Findings) -> tuple[str, ...]:
    """Resolve the plan and derive the results of a bundle that reaches L1, and compare.

    Returns:
        How the results were found to be the same, if they were.
    """
    _check_plan(root, found)
    if not (root / RESULTS).exists():
        found.add("results-missing", RESULTS)
        return ()
    for kind in (Results, Explanation, Verdicts):
        if older := _older(root, kind):
            found.add("results-older", kind.PATH, older)
            return ()
    try:
        bundle = Bundle.open(root)
        recorded = root / _LEDGER
        given = ledger.load(str(recorded), recorded=True) if recorded.exists() else None
        derived = judge.derive(bundle, given).files()
    # A bundle of another version, or one that was made up, may fail in any way.
    except Exception as error:  # noqa: BLE001
        what = names.printable(f"{type(error).__name__}: {error}"[:300])
        found.add("results-underivable", RESULTS, what)
        return ()
    return _compare(root, derived, found)


def _check_plan(root: Path, found: Findings) -> None:
    """The plan's seed must give the order in which its trials stand."""
    try:
        sealed = typed.read_plan(root)
        # Its stacks may be its own: `ormlab compare` locks what it is asked for.
        again = plan.resolve(sealed.plan, omitted_loads=sealed.omitted_loads, stacks_folder=None)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, LabError) as error:
        what = names.printable(f"{type(error).__name__}: {error}"[:300])
        found.add("plan-underivable", SealedPlan.PATH, what)
        return
    due = [trial.id for trial in again.trials]
    if sealed.trials != due:
        pairs = zip(due, sealed.trials, strict=False)
        first = next((f"{b} instead of {a}" for a, b in pairs if a != b), "another number")
        found.add("plan-differs", SealedPlan.PATH, names.printable(first))


def _older(root: Path, kind: type[Results | Explanation | Verdicts]) -> str | None:
    """The schema of a document, if it is an earlier one; None if it is this version's or odd."""
    try:
        named = codec.read(outside.bytes_of(root / kind.PATH), Named).schema
    except (OSError, ValueError):
        return None
    (due,) = get_args(get_type_hints(kind)["schema"])
    (family, number), (known, newest) = named.split("/"), due.split("/")
    return f"{named} instead of {due}" if family == known and int(number) < int(newest) else None


def _compare(root: Path, derived: dict[str, bytes], found: Findings) -> tuple[str, ...]:
    """Compare bytes; where they differ under another analysis lock, values to six digits."""
    provenance = _provenance(root)
    if provenance is None:
        found.add("results-differ", f"{names.DERIVED}/{names.DERIVED_MANIFEST}", "it has no head")
        return ()
    same_lock = provenance.analysis_lock == judge.analysis_lock()
    rounded, differ = False, False
    for name, data in derived.items():
        path = root / names.DERIVED / name
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            continue
        differences = _differences(path, data, exactly=same_lock)
        rounded = rounded or not differences
        differ = differ or bool(differences)
        _report(f"{names.DERIVED}/{name}", differences, provenance.tool, found)
    # What nothing gives is as bad as what is given otherwise: it could say anything.
    here = {entry.path for entry in tree.scan(root / names.DERIVED)} - {names.DERIVED_MANIFEST}
    for name in sorted(here - derived.keys()):
        differ = True
        what = "the files give no such document"
        found.add("results-differ", names.printable(f"{names.DERIVED}/{name}"), what)
    judged_by = derived.get("ledger.yaml")
    if provenance.ledger != (hashlib.sha256(judged_by).hexdigest() if judged_by else None):
        differ = True
        what = "it names another ledger than the one that is here"
        found.add("results-differ", f"{names.DERIVED}/{names.DERIVED_MANIFEST}", what)
    if differ:
        return ()
    lock = "the recorded analysis lock" if same_lock else "another analysis lock"
    if not rounded:
        return (f"the results were derived again under {lock}: the same bytes",)
    found.add("results-rounded", RESULTS)
    return (f"the results were derived again under {lock}: the same to 6 digits",)


def _report(path: str, differences: list[_Difference], tool: Tool, found: Findings) -> None:
    """Name the first values that differ; keys that only another version writes are no values."""
    by = f"judged by {tool.version} at {tool.commit}"
    values = [each for each in differences if each.both]
    if not values and differences and tool != judge.tool():
        found.add("results-underivable", path, f"{differences[0].what} ({by})")
        return
    for each in (values or differences)[:_MOST_SHOWN]:
        found.add("results-differ", path, f"{each.what} ({by})")


def _provenance(root: Path) -> Provenance | None:
    path = root / names.DERIVED / names.DERIVED_MANIFEST
    try:
        head = outside.bytes_of(path).partition(b"\n")[0]
        return decode(head.removeprefix(b"# "), Provenance, where=path)
    except (OSError, BundleError):
        return None


def _differences(path: Path, data: bytes, *, exactly: bool) -> list[_Difference]:
    """Where a derived document differs from what was derived again."""
    if not path.is_file():
        return [_Difference("it is not here", both=False)]
    if path.suffix != ".json":
        return [_Difference("other bytes", both=True)]
    try:
        recorded = outside.json_of(path)
    except (ValueError, RecursionError) as error:
        return [_Difference(names.printable(str(error)), both=True)]
    found = list(_walk(recorded, codec.parse(data), "$", 0.0 if exactly else _DIGITS))
    if exactly and not found:
        found.append(_Difference("other bytes for the same values", both=True))
    return found


def _walk(recorded: Any, due: Any, at: str, tolerance: float) -> Iterator[_Difference]:  # noqa: ANN401 - JSON
    if isinstance(recorded, dict) and isinstance(due, dict):
        for key in sorted(recorded.keys() | due.keys()):
            if key not in recorded or key not in due:
                what = f"{at}.{key} is {'new' if key in recorded else 'missing'}"
                yield _Difference(names.printable(what), both=False)
            else:
                yield from _walk(recorded[key], due[key], f"{at}.{key}", tolerance)
    elif isinstance(recorded, list) and isinstance(due, list) and len(recorded) == len(due):
        for number, pair in enumerate(zip(recorded, due, strict=True)):
            yield from _walk(*pair, f"{at}[{number}]", tolerance)
    elif not _equal(recorded, due, tolerance):
        what = f"{at} is {recorded!r:.100}, the files give {due!r:.100}"
        yield _Difference(names.printable(what), both=True)


def _equal(recorded: object, due: object, tolerance: float) -> bool:
    if (
        isinstance(recorded, float | int)
        and isinstance(due, float)
        and not isinstance(recorded, bool)
    ):
        return math.isclose(recorded, due, rel_tol=tolerance, abs_tol=0.0)
    return type(recorded) is type(due) and recorded == due
