"""YAML of a stranger, read in bounded time and memory.

Size, depth and the number of values are limited. Aliases, merge keys and tags are refused, because
with them a short text can stand for a long one, or for something else than data.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_BYTES: Final = 2**20  # the lab's largest ledger has a twentieth of that
MOST_VALUES: Final = 50_000  # keys and values; that ledger has 4,000
DEEPEST: Final = 24  # levels of nesting; a ledger has 7
_LONGEST_NUMBER: Final = 40  # characters; reading a number of base 60 takes quadratic time

# libyaml's loader, where PyYAML was built with it, is twenty times faster.
LOADER = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_TAG = "tag:yaml.org,2002:"
_NUMBERS = frozenset({f"{_TAG}int", f"{_TAG}float"})

type Problem = tuple[int, str]
"""Line, from 1, and what is wrong there."""


class YamlProblems(ValueError):  # noqa: N818 - a list of problems, raised by callers as their own error
    """What is wrong with a text: `problems` has line and message of each."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        line, what = problems[0]
        super().__init__(f"line {line}: {what}")


class Document(NamedTuple):
    """One document: its nodes, which know their lines, and its value."""

    root: yaml.Node
    value: Any


def load(text: bytes) -> Document:
    """Read one document; YamlProblems if it is not YAML, or holds what is refused."""
    if len(text) > LIMIT_BYTES:
        raise YamlProblems([(1, f"the file is larger than {LIMIT_BYTES:,} bytes")])
    try:
        if problems := list(_refused(text)):
            raise YamlProblems(problems)
        root = yaml.compose(text, Loader=LOADER)
        if root is None:
            raise YamlProblems([(1, "the file is empty")])
        if problems := list(_keys(root)):
            raise YamlProblems(problems)
        return Document(root, _Constructor().construct_document(root))
    except yaml.YAMLError as error:
        raise YamlProblems([_not_yaml(text, error)]) from None


def line_of(part: yaml.Node | yaml.Event) -> int:
    """The line of a node or event, from 1."""
    return part.start_mark.line + 1 if part.start_mark else 1


class _Constructor(SafeConstructor):
    """Names the line of a value that looks like a date or a number and is not one."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - as inherited
        is_number = node.tag in _NUMBERS
        if is_number and len(node.value) > _LONGEST_NUMBER:
            what = f"a number is longer than {_LONGEST_NUMBER} characters"
            raise ConstructorError(None, None, what, node.start_mark)
        try:
            value = super().construct_object(node, deep)
            is_finite = not is_number or math.isfinite(value)
        except (ValueError, ArithmeticError) as error:
            raise ConstructorError(None, None, str(error), node.start_mark) from None
        if not is_finite:
            raise ConstructorError(None, None, "a number is not finite", node.start_mark)
        return value


def _refused(text: bytes) -> Iterator[Problem]:
    """What a file may not hold, found from its events, before any value is made."""
    depth = values = documents = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = line_of(event)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        values += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if isinstance(event, yaml.AliasEvent):
            yield line, "an alias is used; write the value out"
        elif tag := getattr(event, "tag", None):
            yield line, f"the tag {tag} is used; write a plain value"
        limit = _beyond(depth, values, documents)
        if limit:
            yield line, limit
            return


def _beyond(depth: int, values: int, documents: int) -> str | None:
    if depth > DEEPEST:
        return f"nested more than {DEEPEST} levels deep"
    if values > MOST_VALUES:
        return f"more than {MOST_VALUES:,} keys and values"
    return "a second document begins" if documents > 1 else None


def _keys(root: yaml.Node) -> Iterator[Problem]:
    """Keys that are not texts, and keys that stand twice in one mapping."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            seen: Counter[str] = Counter()
            for key, value in node.value:
                line = line_of(key)
                if key.tag == f"{_TAG}merge":
                    yield line, "a merge key is used; write the values out"
                elif key.tag != f"{_TAG}str":
                    yield line, "a key is not a text; quote it"
                else:
                    seen[key.value] += 1
                    if seen[key.value] == 2:  # noqa: PLR2004 - the second one
                        yield line, f"the key {key.value!r} stands twice"
                waiting.append(value)


def _not_yaml(text: bytes, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark:
        return mark.line + 1, str(what)
    # A reader error has no line; the offset is in bytes, or in characters of the Python reader.
    position = getattr(error, "position", None) or 0
    return text[:position].count(b"\n") + 1, str(what)
