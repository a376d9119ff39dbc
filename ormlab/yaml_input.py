"""YAML that people write, read into strict types: every problem at once, each with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_LIMIT_BYTES = 4 * 2**20


class Strict(BaseModel):
    """Immutable, no unknown keys, no coercion of text into numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class InputProblems(ValueError):  # noqa: N818 - a list of problems, raised by callers as their own error
    """What is wrong with a file: one ``file:line: path: message`` a line."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def read[Model: BaseModel](path: Path, model: type[Model]) -> Model:
    """Read a YAML file as a model.

    Raises:
        InputProblems: it is not YAML, repeats a key, or does not fit the model.
        OSError: it cannot be read.
    """
    text = path.read_bytes()
    if len(text) > _LIMIT_BYTES:
        raise InputProblems([f"{path}: larger than {_LIMIT_BYTES} bytes"])
    try:
        # Composing runs no constructor, so no tag can do anything; aliases are refused because
        # they can be nested into documents of unbounded size.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise InputProblems([f"{path}:1: the file is empty"])
        problems = list(_structure(node))
        if problems:
            raise InputProblems([f"{path}:{line}: {what}" for line, what in problems])
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        what = getattr(error, "problem", None) or str(error)
        raise InputProblems([f"{path}:{line}: {what}"]) from None
    except RecursionError:
        raise InputProblems([f"{path}: nested too deeply"]) from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InputProblems([_say(path, node, problem) for problem in error.errors()]) from None


def lines_of(path: Path, parts: Iterable[Iterable[str | int]]) -> list[int]:
    """The lines of parts of a file that ``read`` has read.

    Args:
        path: the file.
        parts: each as keys and indices from the top of the document; for what is missing, the
            line of the nearest part around it.
    """
    root = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
    found = []
    for names in parts:
        node = root
        for name in names:
            node = (node and _child(node, name)) or node
        found.append(node.start_mark.line + 1 if node else 1)
    return found


def _structure(node: yaml.Node) -> Iterator[tuple[int, str]]:
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        line = current.start_mark.line + 1
        if id(current) in seen:
            yield line, "an alias is used; write the value out"
            continue
        seen.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            waiting.extend(current.value)
        elif isinstance(current, yaml.MappingNode):
            keys = [key.value for key, _ in current.value if isinstance(key, yaml.ScalarNode)]
            for key in sorted({key for key in keys if keys.count(key) > 1}):
                yield line, f"the key {key!r} stands twice"
            waiting.extend(value for _, value in current.value)


def _say(path: Path, root: yaml.Node, problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    node, names = root, []
    for part in problem["loc"]:
        inner = _child(node, part)
        if inner is None:  # the tag of a union, or a key that is missing
            if problem["type"] == "missing":
                names.append(str(part))
            continue
        names.append(str(part))
        node = inner
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    return f"{path}:{node.start_mark.line + 1}: {'.'.join(names) or 'the document'}: {message}"


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value  # type: ignore[no-any-return]
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]  # type: ignore[no-any-return]
    return None
