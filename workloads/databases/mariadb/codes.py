"""What MariaDB's error numbers mean to the contract.

The SQLSTATE does not tell: it is 23000 for every violation of a constraint. Source: MariaDB
Knowledge Base, "MariaDB Error Codes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workloads.services.errors import conflict

if TYPE_CHECKING:
    from workloads.services.errors import Refusal

# The names by which `conflict` knows what has been violated.
_NAMES: Final = {
    1062: "23505",  # ER_DUP_ENTRY
    1213: "40P01",  # ER_LOCK_DEADLOCK
    1451: "23503",  # ER_ROW_IS_REFERENCED_2
    1452: "23503",  # ER_NO_REFERENCED_ROW_2
}


def number(problem: BaseException | None) -> int | None:
    """The server's number of an error, which asyncmy and aiomysql give first; None for others."""
    first = problem.args[0] if problem is not None and problem.args else None
    return first if isinstance(first, int) else None


def refusal(problem: BaseException | None, *, deleting: bool = False) -> Refusal | None:
    """The contract's refusal for an error of a driver, or None if it has none."""
    return conflict(_NAMES.get(number(problem) or 0), deleting=deleting)
