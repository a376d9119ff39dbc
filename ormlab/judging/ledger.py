"""Ledgers: read from YAML into the types of ``analysis.claims``, every problem with its line."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from analysis.claims import CODES, Ledger, PlanParts, lint, plans_of
from ormlab import plan
from ormlab.base import checkout
from ormlab.base.errors import LedgerError, PlanError
from ormlab.base.yaml_input import LIMIT_BYTES, InputProblems, lines_of, read

LEDGERS = checkout.ROOT / "workloads/ledgers"


@dataclass(frozen=True)
class LedgerFile:
    """A ledger without problems.

    Attributes:
        path: of its file.
        data: the file as it was read.
        ledger: what it says.
    """

    path: Path
    data: bytes
    ledger: Ledger

    @property
    def sha256(self) -> str:
        """Digest of the file, hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Fault:
    """What is wrong with a ledger, and where.

    Attributes:
        code: one of ``analysis.claims.CODES``.
        where: file and line.
        what: one sentence.
        hint: what to do next.
    """

    code: str
    where: str
    what: str
    hint: str

    def record(self) -> dict[str, str]:
        """As a problem of a command's document."""
        return asdict(self)


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
    known = ", ".join(sorted(path.stem for path in LEDGERS.glob("*.yaml")))
    raise LedgerError(
        "ledger-missing",
        f"there is no ledger {name_or_path!r}",
        where=name_or_path,
        hint=f"{CODES['ledger-missing']}: {known}",
    )


def examine(path: Path, *, recorded: bool = False) -> tuple[Ledger | None, list[Fault]]:
    """Read a ledger and list everything that is wrong with it.

    Returns:
        The ledger, None if it does not fit the types; and what is wrong with it.
    """
    try:
        ledger = read(path, Ledger)
    except InputProblems as problems:
        return None, [_told(path, line, what) for line, what in problems.problems]
    found = lint(ledger, None if recorded else _plans(ledger, path))
    lines = lines_of(path, [problem.path for problem in found])
    return ledger, [
        Fault(
            problem.code,
            f"{path}:{line}",
            f"{'.'.join(map(str, problem.path))}: {problem.what}",
            problem.hint,
        )
        for problem, line in sorted(zip(found, lines, strict=True), key=lambda pair: pair[1])
    ]


def _told(path: Path, line: int, what: str) -> Fault:
    code = "key-twice" if what.endswith("stands twice") else "ledger-invalid"
    return Fault(code, f"{path}:{line}", what, CODES[code])


def find_plan(ledger: Path, name: str) -> Path:
    """Where the plan lies that a ledger names: in ``plans/`` beside it, or among the lab's own."""
    beside = ledger.parent / "plans" / f"{name}.yaml"
    return beside if beside.is_file() else checkout.PLANS / f"{name}.yaml"


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
