"""What can go wrong with an archive, as branches of the tree of `ormlab.base.errors`.

What is wrong with one bundle comes from `bundle.errors`; what `verify` finds is not raised
but listed, with the codes of `ormlab.archive.codes`.
"""

from __future__ import annotations

from ormlab.base.errors import Exit, LabError, UsageError


class EntryError(UsageError):
    """An invalid id, address or query."""


class StoreError(LabError, RuntimeError):
    """An object store could not be reached, or refused.

    Not an OSError: those of the archive's own disk are told apart from it.
    """

    exit_code = Exit.PROVISIONING


class MismatchError(LabError, ValueError):
    """An archive or a store holds something else than what was put there."""

    exit_code = Exit.VERIFICATION_FAILED
