"""Which keys a part of a document can have, by the JSON Schema of its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import BaseModel

type _Schema = Mapping[str, Any]  # JSON Schema, as pydantic gives it, without a type of its own


def keys_at(model: type[BaseModel], path: Sequence[str | int]) -> set[str]:
    """The keys of the mapping at a path, as pydantic names it: tags of unions are parts of it."""
    whole = model.model_json_schema()
    definitions = whole.get("$defs", {})
    here = list(_alternatives(whole, definitions))
    for part in path:
        inner = [each for one in here for each in _inside(one, part)]
        # A part that leads nowhere is the tag of a union.
        tagged = [one for one in here if _is_tagged(one, part)]
        here = [each for one in inner for each in _alternatives(one, definitions)] or tagged or here
    return {key for one in here for key in one.get("properties", {})}


def _alternatives(schema: _Schema, definitions: _Schema) -> Iterator[_Schema]:
    """The schemas that this one refers to or chooses from, without references and choices."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    choices = schema.get("anyOf", []) + schema.get("oneOf", [])
    if "$ref" in schema or choices:
        for each in choices or [schema]:
            yield from _alternatives(each, definitions)
    else:
        yield schema


def _inside(schema: _Schema, part: str | int) -> Iterator[_Schema]:
    if isinstance(part, int):
        found = schema.get("items")
    else:
        found = schema.get("properties", {}).get(part, schema.get("additionalProperties"))
    if isinstance(found, dict):
        yield found


def _is_tagged(schema: _Schema, tag: str | int) -> bool:
    return any(each.get("const") == tag for each in schema.get("properties", {}).values())
