"""Why an order failed, as an exception and as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.documents import failure as documents

if TYPE_CHECKING:
    from pathlib import Path


_OF_A_SERVICE = frozenset({"port-shared", "server-gone", "unanswered"})


class Failure(Exception):  # noqa: N818 - the record of a trial, not an error of the program
    """The agent could not carry out an order."""

    def __init__(self, code: str, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.code = code  #: stable and short, from the table in docs/failures.md
        self.what = what  #: what happened, one sentence
        self.where = where  #: the process, file or address concerned
        self.hint = hint  #: what to do next

    @property
    def is_of_a_service(self) -> bool:
        """Whether the subject that was at work is to blame; a full disk, say, is nobody's fault."""
        return self.code.startswith("service-") or self.code in _OF_A_SERVICE

    def record(self) -> documents.Failure:
        """The failure for ``done.json``."""
        return documents.Failure(code=self.code, what=self.what, where=self.where, hint=self.hint)


def last_logged(log: Path) -> str:
    """The last line of a program's log, for the message of a failure."""
    return last_line(log.read_text(errors="replace") if log.exists() else "")


def last_line(output: str) -> str:
    """The last line of a program's output, for the message of a failure."""
    return (output.strip().splitlines() or ["it printed nothing"])[-1]
