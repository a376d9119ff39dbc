"""Ledgers: read from YAML into the types of ``analysis.claims``, every problem with its line."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.claims import CODES, Ledger, PlanParts, lint, plans_of
from bundle.meant import meant
from bundle.strict_yaml import LIMIT_BYTES
from ormlab import plan
from ormlab.base import checkout
from ormlab.base.errors import LedgerError, PlanError
from ormlab.base.yaml_input import MOST_PROBLEMS, InputProblems, lines_of, read

LEDGERS = checkout.LEDGERS


@dataclass(frozen=True)
class LedgerFile:
    """A ledger without problems."""

    path: Path  #: of its file
    data: bytes  #: the file as it was read
    ledger: Ledger  #: what it says

    @property
    def sha256(self) -> str:
        """Digest of the file, hex."""
        return hashlib.sha256(self.data).hexdigest()


def load(name_or_path: str, *, recorded: bool = False) -> LedgerFile:
    """Read a ledger by path, or by the name of one that the lab ships.

    A ``recorded`` one lies in a bundle, so the plans that it names need not be here.


    Raises:
        LedgerError: it is not there, or has problems; each line of ``what`` names one.
    """
    path = find(name_or_path)
    with path.open("rb") as file:
        data = file.read(LIMIT_BYTES + 1)  # more is a problem that `examine` names
    ledger, problems = examine(path, recorded=recorded)
    if ledger is None or problems:
        raise LedgerError(
            problems[0].code,
            "\n".join(f"{each.where}: {each.what}" for each in problems),
            where=str(path),
            hint=problems[0].hint,
        )
    return LedgerFile(path, data, ledger)


def find(name_or_path: str) -> Path:
    """The file of a ledger.

    Raises:
        LedgerError: there is none.
    """
    for path in (Path(name_or_path), LEDGERS / f"{name_or_path}.yaml"):
        if path.is_file():
            return path
    known = sorted(path.stem for path in LEDGERS.glob("*.yaml"))
    near = meant(Path(name_or_path).stem, known, "{} ")
    raise LedgerError(
        "ledger-missing",
        f"there is no ledger {name_or_path!r}",
        where=name_or_path,
        hint=f"{near}{CODES['ledger-missing']}: {', '.join(known)}",
    )


def examine(path: Path, *, recorded: bool = False) -> tuple[Ledger | None, list[LedgerError]]:
    """Read a ledger and list everything that is wrong with it.

    Returns:
        The ledger, None if it does not fit the types; and what is wrong with it.
    """
    try:
        ledger = read(path, Ledger)
    except InputProblems as problems:
        return None, [_told(path, line, what) for line, what in problems.problems]
    known = _known_plans(path)
    found = [
        replace(each, known=known) if each.code == "plan-unknown" else each
        for each in lint(ledger, None if recorded else _plans(ledger, path))
    ]
    lines = lines_of(path, [problem.path for problem in found])
    advise = len(found) <= MOST_PROBLEMS
    return ledger, [
        LedgerError(
            problem.code,
            f"{'.'.join(map(str, problem.path))}: {problem.advice if advise else problem.what}",
            where=f"{path}:{line}",
            hint=problem.hint,
        )
        for problem, line in sorted(zip(found, lines, strict=True), key=lambda pair: pair[1])
    ]


def _told(path: Path, line: int, what: str) -> LedgerError:
    code = "key-twice" if what.endswith("stands twice") else "ledger-invalid"
    return LedgerError(code, what, where=f"{path}:{line}", hint=CODES[code])


def find_plan(ledger: Path, name: str) -> Path:
    """Where the plan lies that a ledger names: in ``plans/`` beside it, or among the lab's own."""
    beside = ledger.parent / "plans" / f"{name}.yaml"
    return beside if beside.is_file() else checkout.PLANS / f"{name}.yaml"


def _known_plans(ledger: Path) -> list[str]:
    """The names of all plans that a ledger can name; `lint` knows those that it does name."""
    beside = (path.stem for path in (ledger.parent / "plans").glob("*.yaml"))
    return sorted({*beside, *plan.shipped()})


def _plans(ledger: Ledger, path: Path) -> dict[str, PlanParts]:
    """The plans that the ledger names, those that exist and are plans of that name."""
    found = {}
    for name in sorted({name for claim in ledger.claims.values() for name in plans_of(claim)}):
        try:
            resolved = plan.resolve(plan.load(str(find_plan(path, name))))
        except PlanError:
            continue
        if resolved.plan.name == name:
            found[name] = PlanParts(
                frozenset(resolved.subjects),
                frozenset(resolved.plan.workloads),
                frozenset(resolved.plan.loads),
            )
    return found
