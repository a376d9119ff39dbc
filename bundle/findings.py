"""The outcome of a verification: problems, and the level that holds in spite of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from bundle import names
from bundle.codes import CODES, LEVELS, Level


@dataclass(frozen=True)
class Problem:
    """One finding."""

    code: str  #: a key of `bundle.codes.CODES`
    level: Level  #: the level that the bundle does not reach because of it
    path: str  #: relative to the bundle; ``.`` is the bundle itself
    message: str  #: what is wrong there
    hint: str  #: what to do next


@dataclass(frozen=True)
class Verification:
    """The outcome of `verify`."""

    asked: Level  #: the requested level
    level_reached: Level | None  #: the highest level that holds; None if none does
    problems: tuple[Problem, ...]  #: every problem, in the order of the levels
    seal: str | None  #: SHA-256 of SEAL.json; None if it cannot be read
    files: int  #: number of files with the digest that the manifest gives
    doubts: tuple[Problem, ...] = ()  #: findings that do not break a level
    notes: tuple[str, ...] = ()  #: how the levels above L1 were reached, one sentence each

    @property
    def ok(self) -> bool:
        """Whether the bundle reaches the requested level."""
        return self.level_reached == self.asked


@dataclass
class Findings:
    """Collects problems and doubts."""

    problems: list[Problem] = field(default_factory=list)
    doubts: list[Problem] = field(default_factory=list)

    def add(self, code: str, path: str, detail: str = "") -> None:
        """Add one finding, at a path relative to the bundle (empty for the bundle itself)."""
        level, message, hint, is_doubt = CODES[code]
        message = f"{message}: {detail}" if detail else message
        problem = Problem(code, level, names.printable(path) or ".", message, hint)
        (self.doubts if is_doubt else self.problems).append(problem)

    def reached(self, asked: Level) -> Level | None:
        """Return the highest level, up to the requested one, without a problem at it or below."""
        below = None
        for level in LEVELS[: LEVELS.index(asked) + 1]:
            if any(problem.level == level for problem in self.problems):
                break
            below = level
        return below
