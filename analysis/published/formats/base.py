"""What a format is to all who do not know it, and what its readers share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analysis.published.result import ResultError

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.published.result import PublishedRun
    from bundle.codec import Json

_OPTION: Final = re.compile(r"-[a-zA-Z]")
_GLUED: Final = re.compile(r"(-[a-zA-Z])([0-9]\S*)")
_COMMAND_LINES: Final = 20
_LONGEST_COMMAND: Final = 2000

type Count = Annotated[int, Field(ge=0, le=10**15)]


@dataclass(frozen=True)
class ResultFormat:
    """How the results of one tool look, and what reads them.

    The text of a file and its JSON are given to one reader each; a format may have both.
    """

    name: str
    source: str  #: which version of the tool, and where it prints this
    mark: re.Pattern[str] | None = None  #: stands in a text of this format, and of no other
    keys: tuple[str, ...] = ()  #: the keys at the top that a JSON document of this format has
    text: Callable[[str], list[PublishedRun]] | None = None
    document: Callable[[dict[str, Json]], list[PublishedRun]] | None = None


class Foreign(BaseModel):
    """Part of a document of another program: it may have keys that nobody here needs."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


def read[T: Foreign](document: dict[str, Json], kind: type[T], tool: str) -> T:
    """Read a document as its type.

    Raises:
        ResultError: a key is missing, or has a value of another kind.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:200]
        raise ResultError(f"this is no result of {tool}: {where}: {first['msg']}") from None


def options_of(text: str, program: str) -> dict[str, str]:
    """The short options of the command line, if somebody left it above the output."""
    for line in text.splitlines()[:_COMMAND_LINES]:
        before, found, words = line[:_LONGEST_COMMAND].partition(f"{program} -")
        if found and len(before.split()) <= 1 and before[-1:] in {"", " ", "/", "$", "#"}:
            return _options(f"-{words}".split())
    return {}


def _options(words: list[str]) -> dict[str, str]:
    options = {name: value for name, value in pairwise(words) if _OPTION.fullmatch(name)}
    glued = filter(None, map(_GLUED.fullmatch, words))
    return options | {each[1]: each[2] for each in glued}
