"""How each load generator of `bundle.generators` is started; a module of the same name says it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from agent.generators.base import Command, Commands, Target
from bundle.generators import GENERATORS

if TYPE_CHECKING:
    from bundle.generators import Load

__all__ = ["Command", "Commands", "Target", "commands"]


class _Module[Kind: Load](Protocol):
    def commands(self, load: Kind, target: Target) -> Commands:
        """Turn a load into commands; files that they need lie in the target's folder then."""


_OF_KIND = {
    kind: cast("_Module[Load]", import_module(f"{__name__}.{name}"))
    for name, generator in GENERATORS.items()
    for kind in generator.loads
}


def commands(target: Target) -> Commands:
    """Turn the load of an order into commands."""
    load = target.sent.load
    return _OF_KIND[type(load)].commands(load, target)
