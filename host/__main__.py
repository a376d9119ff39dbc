"""``python -m host PROGRAM COMMAND...``: become a command, in the environment of its kind."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

from host.environment import PROGRAMS, environment

if TYPE_CHECKING:
    from host.environment import Program

_USAGE = 2


def main(arguments: list[str]) -> int:
    """Replace this process by the command; returns only for unusable arguments."""
    if len(arguments) < _USAGE or arguments[0] not in PROGRAMS:
        sys.stderr.write(f"usage: python -m host {{{','.join(PROGRAMS)}}} COMMAND...\n")
        return _USAGE
    program, *command = arguments
    try:
        os.execvpe(command[0], command, environment(cast("Program", program)))  # noqa: S606 - no shell is wanted
    except OSError as problem:
        sys.stderr.write(f"ormlab: {command[0]}: {problem.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
