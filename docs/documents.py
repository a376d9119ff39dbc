"""The page about a bundle's documents, made from their types: every key, its type, its meaning."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING

import msgspec

from bundle import format as envelopes
from bundle.documents import (
    explanation,
    failure,
    host,
    profilers,
    readings,
    results,
    services,
    sliced,
    verdicts,
)
from bundle.generators import GENERATORS, Load, slices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# The line of a field with the comment after it, or the lines of the comment above it.
_FIELD = re.compile(r"^((?:    #: .*\n)*)    (\w+): [^#\n]*(?:#: (.+))?$", re.MULTILINE)
_EVERYWHERE = {"schema": "the version of this format"}
_INTRODUCTION = """\
Programs write these documents, so each has one definition: in `bundle/documents/`, for what load
generators leave in `bundle/generators/`, and for what holds a bundle together in
`bundle/format.py`. A key that a type does not name is refused. A key marked *optional* may be
missing: older bundles lack it, or there is nothing to say. JSON Schemas of all of them are in
`bundle/schemas/`. The plan is written by people: [plans.md](plans.md).
"""
_MODULES: tuple[ModuleType, ...] = (
    envelopes,
    readings,
    slices,
    *(sys.modules[each.report.__module__] for each in GENERATORS.values()),
    host,
    services,
    profilers,
    failure,
    results,
    sliced,
    explanation,
    verdicts,
)


def page(mark: str) -> str:
    """The page; `mark` says that it is generated."""
    lines = ["# The documents of a bundle\n", mark, _INTRODUCTION]
    for module in _MODULES:
        lines.append(f"## {_first(module).rstrip('.:')}\n")
        for kind in _types(module):
            lines.extend(_section(kind))
    return "\n".join(lines).rstrip() + "\n"


def _types(module: ModuleType) -> Iterator[type[msgspec.Struct]]:
    for kind in vars(module).values():
        is_struct = inspect.isclass(kind) and issubclass(kind, msgspec.Struct)
        is_key = is_struct and issubclass(kind, Load)  # of a plan
        if is_struct and kind.__module__ == module.__name__ and not is_key:
            yield kind


def _section(kind: type[msgspec.Struct]) -> Iterator[str]:
    told = meanings(kind)
    yield f"### {kind.__name__}\n\n{_first(kind)}\n"
    yield "| key | type | meaning |\n|---|---|---|"
    for field in msgspec.structs.fields(kind):
        name = f"`{field.encode_name}`" + ("" if field.required else " *optional*")
        yield f"| {name} | {_type(kind, field.name)} | {told.get(field.name, '')} |"
    yield ""


def _first(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def meanings(kind: type) -> dict[str, str]:
    """What the comments that begin with ``#:`` say of the fields, those of the bases included."""
    meanings = dict(_EVERYWHERE)
    for each in reversed(kind.__mro__):
        if not each.__module__.startswith("bundle."):
            continue
        for above, name, beside in _FIELD.findall(inspect.getsource(each)):
            meaning = beside or re.sub(r"\s*#: ", " ", above).strip()
            if meaning:
                meanings[name] = meaning
    return meanings


def _type(kind: type[msgspec.Struct], name: str) -> str:
    """The annotation as it is written, which names the types of this page."""
    for each in kind.__mro__:
        if name in each.__annotations__:
            written = str(each.__annotations__[name]).replace(" | UnsetType", "")
            return f"`{written}`".replace("|", "\\|")
    raise LookupError(name)
