"""What each service declares its operations to cost, as ``workloads/services/*/statements.toml``.

A declaration holds for the options that a service has when nothing is said.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from bundle.documents.services import Declared

_SERVICES = Path(__file__).parents[1] / "services"


def cost(service: str, operation: str, loading: str | None, elements: int) -> Declared | None:
    """Return what a service declares; None if it declares nothing for this operation.

    Args:
        service: whose declaration.
        operation: one of ``workloads.load.operations``.
        loading: of ``users-with-orders``, which declares each of its ways.
        elements: of the list that was answered; a declaration may cost something for each.
    """
    path = _SERVICES / service / "statements.toml"
    declared = tomllib.loads(path.read_text()).get(operation if loading is None else loading)
    if declared is None:
        return None
    more = declared.get("for_each_element", 0) * elements
    return Declared(
        statements=declared["statements"] + more, round_trips=declared["round_trips"] + more
    )
