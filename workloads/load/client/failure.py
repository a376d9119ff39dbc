"""The one exception of the client: why a window was not measured."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

EXIT_CODE = 8


class LoadError(RuntimeError):
    """The load could not be generated as the spec says.

    ```
    RuntimeError
    └── LoadError   code: spec, table, connect, late, server-gone, unanswered, table-exhausted,
                     unfinished, worker-died, terminated, client-fault, output, disk-full,
                     histogram-range, generator-failed
    ```

    Attributes:
        code: a stable word for programs.
        what: what happened, one sentence.
        where: file, address or process.
        hint: what to do next.
    """

    def __init__(self, code: str, what: str, *, where: str, hint: str) -> None:
        super().__init__(what)
        self.code, self.what, self.where, self.hint = code, what, where, hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments are beyond the default pickling of exceptions, and this one
        # crosses the pipe between a worker and its parent.
        return _rebuild, (self.code, self.what, self.where, self.hint)

    def as_dict(self) -> dict[str, str]:
        """Code, what, where and hint."""
        return {"code": self.code, "what": self.what, "where": self.where, "hint": self.hint}

    def line(self) -> str:
        """The same as one line of JSON."""
        return json.dumps(self.as_dict())


def unwritable(refused: OSError, folder: Path) -> LoadError:
    """The failure of a result that cannot be written."""
    full = refused.errno in (errno.ENOSPC, errno.EDQUOT)
    return LoadError(
        "disk-full" if full else "output",
        f"the result could not be written: {refused}",
        where=str(refused.filename or folder),
        hint="free some space, then run again" if full else "is the folder yours?",
    )


def _rebuild(code: str, what: str, where: str, hint: str) -> LoadError:
    return LoadError(code, what, where=where, hint=hint)
