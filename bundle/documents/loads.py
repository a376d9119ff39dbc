"""The loads of a plan as pydantic reads them, with every mistake of a plan at once.

The registry has a msgspec type for each kind of load, because the agent, which reads loads too, is
without pydantic. Here each of them gets a model with the same keys, limits and defaults: a plan is
validated by the model, and holds the type.
"""

from __future__ import annotations

from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeAliasType,
    Union,
    get_args,
    get_origin,
)

import msgspec
from msgspec import structs
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PlainSerializer,
    SerializationInfo,
    WrapValidator,
    create_model,
)

from bundle import generators
from bundle.documents.base import STRICT

if TYPE_CHECKING:
    from pydantic import ValidatorFunctionWrapHandler

    from bundle.generators import Keys

_LIMITS = ("gt", "ge", "lt", "le")


def _validated(kind: type[msgspec.Struct]) -> Any:  # noqa: ANN401 - a type, made now
    """What pydantic takes for a type of msgspec's: a model with its keys, and then the type."""

    def made(model: BaseModel) -> msgspec.Struct:
        load = kind(**{name: getattr(model, name) for name in kind.__struct_fields__})
        if isinstance(load, generators.Load):
            structs.force_setattr(load, "given", frozenset(model.model_fields_set))
        return load

    tag = kind.__struct_config__.tag
    fields: dict[str, Any] = {} if tag is None else {"generator": Literal[tag]}
    for each in structs.fields(kind):
        default = ... if each.required else each.default
        fields[each.name] = (_hint(each.type), default)
    model = create_model(kind.__name__, __config__=STRICT, __doc__=kind.__doc__, **fields)
    return Annotated[model, AfterValidator(made)]


@cache
def _hint(hint: Any) -> Any:  # noqa: ANN401 - whatever stands in an annotation
    """An annotation of msgspec's as one of pydantic's."""
    if isinstance(hint, TypeAliasType):
        return TypeAliasType(hint.__name__, _hint(hint.__value__))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _validated(hint)
    if get_origin(hint) is Annotated:
        base, *told = get_args(hint)
        limits = {name: getattr(each, name) for each in told for name in _LIMITS}
        return Annotated[base, Field(**limits)]
    if parts := get_args(hint) if get_origin(hint) is not Literal else ():
        return Union[tuple(map(_hint, parts))]  # noqa: UP007 - of a tuple
    return hint


def _unless_made(value: object, read: ValidatorFunctionWrapHandler) -> object:
    return value if isinstance(value, generators.Load) else read(value)


def _written(load: generators.Load, info: SerializationInfo) -> Keys:
    return load.keys(given_only=info.exclude_unset)


if TYPE_CHECKING:
    type Load = generators.Load
else:
    type Load = Annotated[
        Union[tuple(map(_validated, generators.KINDS))],  # noqa: UP007 - of a tuple
        Field(discriminator="generator"),
        WrapValidator(_unless_made),
        PlainSerializer(_written, return_type=dict[str, Any]),
    ]
