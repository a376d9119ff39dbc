"""What can go wrong while an order is carried out, as a record and not only as a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.documents import failure as documents

if TYPE_CHECKING:
    from pathlib import Path


class Failure(Exception):  # noqa: N818 - it is recorded as the failure of a trial, not handled as an error
    """An order that could not be carried out.

    Attributes:
        code: stable and short, one of the table in docs/failures.md.
        what: what happened, one sentence.
        where: the process, file or address concerned.
        hint: what to do next.
    """

    def __init__(self, code: str, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.where = where
        self.hint = hint

    def record(self) -> documents.Failure:
        """The failure as it is written into ``done.json``."""
        return documents.Failure(code=self.code, what=self.what, where=self.where, hint=self.hint)


def last_logged(log: Path) -> str:
    """The last line of a program's log, for the message of a failure."""
    return last_line(log.read_text(errors="replace") if log.exists() else "")


def last_line(said: str) -> str:
    """The last line of what a program said, for the message of a failure."""
    return (said.strip().splitlines() or ["it said nothing"])[-1]
