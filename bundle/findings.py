"""What a verification says: problems, and the level that holds in spite of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from bundle import names
from bundle.codes import CODES, LEVELS, Level


@dataclass(frozen=True)
class Problem:
    """One finding."""

    code: str  #: a key of `bundle.codes.CODES`
    level: Level  #: the level that is not reached because of it
    path: str  #: relative to the bundle; ``.`` is the bundle itself
    message: str  #: what is wrong there
    hint: str  #: what to do


@dataclass(frozen=True)
class Verification:
    """What `verify` found."""

    asked: Level  #: the level that was asked for
    level_reached: Level | None  #: the highest level that holds, or None
    problems: tuple[Problem, ...]  #: everything that is wrong, in the order of the levels
    seal: str | None  #: SHA-256 of SEAL.json, or None if it cannot be read
    files: int  #: how many files have the digest that the manifest gives
    doubts: tuple[Problem, ...] = ()  #: what does not stand against a level and should be known
    notes: tuple[str, ...] = ()  #: how the levels above L1 were reached, one sentence each

    @property
    def ok(self) -> bool:
        """Whether the level that was asked for is reached."""
        return self.level_reached == self.asked


@dataclass
class Findings:
    """Problems as they are found."""

    problems: list[Problem] = field(default_factory=list)
    doubts: list[Problem] = field(default_factory=list)

    def add(self, code: str, path: str, detail: str = "") -> None:
        """Note one problem, at a path relative to the bundle (empty for the bundle itself)."""
        level, message, hint, is_doubt = CODES[code]
        message = f"{message}: {detail}" if detail else message
        problem = Problem(code, level, names.printable(path) or ".", message, hint)
        (self.doubts if is_doubt else self.problems).append(problem)

    def reached(self, asked: Level) -> Level | None:
        """Return the highest level, up to the one asked for, that nothing stands against."""
        below = None
        for level in LEVELS[: LEVELS.index(asked) + 1]:
            if any(problem.level == level for problem in self.problems):
                break
            below = level
        return below
