"""What is said of a stack that cannot be locked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agent.stacks import reasons
from ormlab.base.errors import ProvisioningError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CalledProcessError

_LONGEST: Final = 400  # characters of a reason
_CAUSE: Final = re.compile(r"cause: (?P<cause>.+?)(?:\n\s*\n|\Z)", re.DOTALL)


def refusal(
    what: str, failed: CalledProcessError, *, where: str, hint: Callable[[], str]
) -> UsageError | ProvisioningError:
    """The error of a resolver that failed: of what was asked for, or of the network or the disk.

    Args:
        what: the stack, in words.
        failed: as uv ended.
        where: place of the request.
        hint: what to ask for instead; called only if the request is to blame.
    """
    if trouble := reasons.host_trouble(failed.returncode, failed.stderr):
        return ProvisioningError(
            "stack-lock",
            f"{what} could not be locked: {trouble}",
            where=where,
            hint="a lock needs the package registry, or uv's cache",
        )
    return UsageError(
        "stack-unlockable",
        f"{what} cannot be locked: {_cause(failed.stderr)}",
        where=where,
        hint=hint(),
    )


def _cause(said: str) -> str:
    """The reason that uv gives, in one line."""
    found = _CAUSE.search(said)
    text = " ".join((found["cause"] if found else reasons.why(said)).split())
    return f"{text[:_LONGEST]} ..." if len(text) > _LONGEST else text
