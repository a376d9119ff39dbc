"""How each load generator of `bundle.generators` is started; a module of the same name says it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from agent.generators.base import Command, Commands, Target
from bundle.generators import GENERATORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.generators import Load

__all__ = ["Command", "Commands", "Target", "commands"]


class _Module[Kind: Load](Protocol):
    def commands(self, load: Kind, target: Target) -> Commands:
        """Turn a load into commands; files that they need lie in the target's folder then."""


class _SideBySide[Kind: Load](Protocol):
    def commands(self, load: Kind, targets: Sequence[Target]) -> Commands:
        """Likewise, of a load that drives several services at once."""


_OF_KIND = {
    kind: import_module(f"{__name__}.{name}")
    for name, generator in GENERATORS.items()
    for kind in generator.loads
}


def commands(targets: Sequence[Target]) -> Commands:
    """Turn the load of an order into commands; it has several targets if they are side by side."""
    load = targets[0].sent.load
    module = _OF_KIND[type(load)]
    if load.side_by_side:
        return cast("_SideBySide[Load]", module).commands(load, targets)
    (target,) = targets
    return cast("_Module[Load]", module).commands(load, target)
