"""Every way the lab can refuse or fail, as one tree; each says what, where and what to do next.

::

    LabError                     code, what, where, hint, exit code
    ├── UsageError        (2)    an invalid plan, inventory or argument; a ValueError
    │   ├── PlanError
    │   ├── LedgerError
    │   └── InventoryError
    ├── HostGateError     (6)    a host that must not be measured on
    ├── ProvisioningError (7)    a host could not be reached or set up
    ├── LoadError         (8)    a service, database or generator could not do its work; or no
    │                            trial of a run may be used
    └── Interrupted     (130)    stopped by its user

What is wrong with a bundle (3) comes from the tree of `bundle.errors`, which stands alone.
0 is success; 4 and 5 are outcomes of `--strict`, 9 and 5 of `--fail-if`, not errors.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    USAGE = 2
    VERIFICATION_FAILED = 3
    REFUTED = 4
    INCONCLUSIVE = 5
    HOST_GATE = 6
    PROVISIONING = 7
    LOAD = 8
    SLOWER = 9
    INTERRUPTED = 130


class LabError(Exception):
    """The root of the tree."""

    exit_code = Exit.LOAD

    def __init__(self, code: str, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.code = code  #: stable and short, for programs
        self.what = what  #: what happened, one sentence
        self.where = where  #: file and line, host, process or address; may be empty
        self.hint = hint  #: what to do next

    def record(self) -> dict[str, str]:
        """The error as one of the ``problems`` of a ``--json`` document."""
        return {"code": self.code, "what": self.what, "where": self.where, "hint": self.hint}


class UsageError(LabError, ValueError):
    """The request is invalid."""

    exit_code = Exit.USAGE


class PlanError(UsageError):
    """A plan that is not one; ``where`` names file and line."""


class LedgerError(UsageError):
    """A ledger that is missing or invalid; each line of ``what`` names its place."""


class InventoryError(UsageError):
    """An inventory that does not describe the hosts of a run."""


class HostGateError(LabError):
    """A host that must not be measured on as the plan's profile wants it."""

    exit_code = Exit.HOST_GATE


class ProvisioningError(LabError, OSError):
    """A host could not be reached or set up."""

    exit_code = Exit.PROVISIONING

    def __init__(self, code: str, what: str, *, where: str = "", hint: str = "") -> None:
        LabError.__init__(self, code, what, where=where, hint=hint)

    def __str__(self) -> str:
        return self.what


class LoadError(LabError, RuntimeError):
    """A service, a database or a load generator could not do its work."""

    exit_code = Exit.LOAD


class Interrupted(LabError):  # noqa: N818 - the user's wish, not a mistake
    """The run was stopped by its user; what was measured is sealed as aborted."""

    exit_code = Exit.INTERRUPTED
