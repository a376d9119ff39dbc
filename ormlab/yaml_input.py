"""YAML that people write, read into strict types: every problem with its line, in bounded time.

What a file may hold is limited before anything is made of it: by size, by depth, and by the number
of values. Aliases, merge keys and tags are refused: with them a short text stands for a long one,
or for something else than data.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from yaml.constructor import ConstructorError, SafeConstructor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LIMIT_BYTES: Final = 2**20  # the lab's largest ledger has a twentieth of that
MOST_VALUES: Final = 50_000  # keys and values; that ledger has 4,000
DEEPEST: Final = 24  # levels of nesting; a ledger has 7
MOST_PROBLEMS: Final = 100
_LONGEST_MESSAGE = 300  # a message may quote a value of any length

# The same in C, where PyYAML was built with libyaml: twenty times faster.
_Loader = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"

type _Problem = tuple[int, str]
"""Line, from 1, and what is wrong there."""


class Strict(BaseModel):
    """Immutable, no unknown keys, no coercion of text into numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class InputProblems(ValueError):  # noqa: N818 - a list of problems, raised by callers as their own error
    """What is wrong with a file, as ``file:line: path: message``, one a line.

    Attributes:
        problems: line and message of each, by line; the last one may only count those left out.
        lines: the same in one text each.
    """

    def __init__(self, path: Path, problems: Iterable[_Problem]) -> None:
        found = sorted(dict.fromkeys(problems))
        self.problems = [(line, _clipped(what)) for line, what in found[:MOST_PROBLEMS]]
        more = len(found) - MOST_PROBLEMS
        if more > 0:
            self.problems.append((found[-1][0], f"and {more} more problems up to here"))
        self.lines = [f"{path}:{line}: {what}" for line, what in self.problems]
        super().__init__("\n".join(self.lines))


class _Constructor(SafeConstructor):
    """Knows the place of a value that looks like a date or a number and is none."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - as inherited
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError) as error:
            raise ConstructorError(None, None, str(error), node.start_mark) from None


def read[Model: BaseModel](path: Path, model: type[Model]) -> Model:
    """Read a YAML file as a model.

    Raises:
        InputProblems: it is not YAML, has what is refused, or does not fit the model.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        text = file.read(LIMIT_BYTES + 1)
    if len(text) > LIMIT_BYTES:
        raise InputProblems(path, [(1, f"the file is larger than {LIMIT_BYTES:,} bytes")])
    try:
        if problems := list(_refused(text)):
            raise InputProblems(path, problems)
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            raise InputProblems(path, [(1, "the file is empty")])
        if problems := list(_keys(root)):
            raise InputProblems(path, problems)
        value = _Constructor().construct_document(root)
    except yaml.YAMLError as error:
        raise InputProblems(path, [_not_yaml(text, error)]) from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        tree = _Tree(root)
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise InputProblems(path, (tree.say(problem) for problem in found)) from None


def lines_of(path: Path, parts: Iterable[Iterable[str | int]]) -> list[int]:
    """The lines of parts of a file that ``read`` has read.

    Args:
        path: the file.
        parts: each as keys and indices from the top of the document; for what is missing, the
            line of the nearest part around it.
    """
    wanted = list(parts)
    if not wanted:
        return []
    root = yaml.compose(path.read_bytes(), Loader=_Loader)
    tree = _Tree(root) if root else None
    return [_line(tree.follow(names)[1]) if tree else 1 for names in wanted]


def _refused(text: bytes) -> Iterator[_Problem]:
    """What a file may not hold, found without making anything of it."""
    depth = values = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = _line(event)
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


def _line(part: yaml.Node | yaml.Event) -> int:
    return part.start_mark.line + 1 if part.start_mark else 1


def _beyond(depth: int, values: int, documents: int) -> str | None:
    if depth > DEEPEST:
        return f"nested more than {DEEPEST} levels deep"
    if values > MOST_VALUES:
        return f"more than {MOST_VALUES:,} keys and values"
    return "a second document begins" if documents > 1 else None


def _keys(root: yaml.Node) -> Iterator[_Problem]:
    """Keys that are none, or that stand twice in one place."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            seen: Counter[str] = Counter()
            for key, value in node.value:
                line = _line(key)
                if key.tag == _MERGE:
                    yield line, "a merge key is used; write the values out"
                elif key.tag != _TEXT:
                    yield line, "a key is not a text; quote it"
                else:
                    seen[key.value] += 1
                    if seen[key.value] == 2:  # noqa: PLR2004 - the second one
                        yield line, f"the key {key.value!r} stands twice"
                waiting.append(value)


def _not_yaml(text: bytes, error: yaml.YAMLError) -> _Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark:
        return mark.line + 1, str(what)
    # A reader error has no line; the offset is in bytes, or in characters of the Python reader.
    position = getattr(error, "position", None) or 0
    return text[:position].count(b"\n") + 1, str(what)


class _Tree:
    """The nodes of a document, found by path; the children of each are listed once."""

    def __init__(self, root: yaml.Node) -> None:
        self._root = root
        self._known: dict[yaml.Node, dict[str | int, yaml.Node]] = {}

    def follow(self, path: Iterable[str | int]) -> tuple[list[str], yaml.Node]:
        """As much of a path as exists, and where it leads."""
        node, names = self._root, []
        for part in path:
            inner = self._children(node).get(part)
            if inner is not None:
                names.append(str(part))
                node = inner
        return names, node

    def say(self, problem: Any) -> _Problem:  # noqa: ANN401 - pydantic's ErrorDetails
        """The line of a problem, and what it is; the tags of unions are no part of its path."""
        names, node = self.follow(problem["loc"])
        if problem["type"] == "missing":
            names.append(str(problem["loc"][-1]))
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown key"
        where = ".".join(_clipped(name, 60) for name in names) or "the document"
        return _line(node), f"{where}: {message}"

    def _children(self, node: yaml.Node) -> dict[str | int, yaml.Node]:
        if node not in self._known:
            found: dict[str | int, yaml.Node] = {}
            if isinstance(node, yaml.MappingNode):
                found = {key.value: value for key, value in node.value}
            elif isinstance(node, yaml.SequenceNode):
                found = dict(enumerate(node.value))
            self._known[node] = found
        return self._known[node]


def _clipped(text: str, longest: int = _LONGEST_MESSAGE) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= longest else f"{plain[: longest - 3]}..."
