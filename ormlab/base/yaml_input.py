"""YAML that people write, read into strict types: every problem with its line, in bounded time.

What a file may hold is limited before anything is made of it; see ``bundle.strict_yaml``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import BaseModel, ValidationError

from bundle.meant import meant
from bundle.strict_yaml import LIMIT_BYTES, LOADER, Problem, YamlProblems, line_of, load
from ormlab.base.known_keys import keys_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

MOST_PROBLEMS: Final = 100
_LONGEST_MESSAGE = 300  # a message may quote a value of any length
_QUOTED = re.compile(r"'([^']*)'")


class InputProblems(ValueError):  # noqa: N818 - a list of problems, raised by callers as their own error
    """What is wrong with a file, as ``file:line: path: message``, one a line."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        found = sorted(dict.fromkeys(problems))
        #: line and message of each, by line; the last one may only count those left out
        self.problems = [(line, _clipped(what)) for line, what in found[:MOST_PROBLEMS]]
        more = len(found) - MOST_PROBLEMS
        if more > 0:
            self.problems.append((found[-1][0], f"and {more} more problems up to here"))
        #: the same in one text each
        self.lines = [f"{path}:{line}: {what}" for line, what in self.problems]
        super().__init__("\n".join(self.lines))


type Wrong = tuple[Sequence[str | int], str]
"""A part of a document, as keys and indices from its top, and what is wrong with it."""


def read[Model: BaseModel](
    path: Path, model: type[Model], check: Callable[[Model], Iterable[Wrong]] = lambda _: ()
) -> Model:
    """Read a YAML file as a model.

    ``check`` says what is wrong with a document of the right form.

    Raises:
        InputProblems: it is not YAML, has what is refused, does not fit the model, or is wrong.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        text = file.read(LIMIT_BYTES + 1)
    try:
        document = load(text)
    except YamlProblems as wrong:
        raise InputProblems(path, wrong.problems) from None
    tree = _Tree(document.root)
    try:
        read_as = model.model_validate(document.value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        # So many are no slips of a finger, and to look for what was meant takes time.
        advise = len(found) <= MOST_PROBLEMS
        said = (tree.say(problem, model if advise else None) for problem in found)
        raise InputProblems(path, said) from None
    if problems := [tree.place(part, what) for part, what in check(read_as)]:
        raise InputProblems(path, problems)
    return read_as


def lines_of(path: Path, parts: Iterable[Iterable[str | int]]) -> list[int]:
    """The lines of parts of a file that ``read`` has read.

    Parts are keys and indices from the top of the document. For what is missing, it is the line of
    the nearest part around it.
    """
    wanted = list(parts)
    if not wanted:
        return []
    root = yaml.compose(path.read_bytes(), Loader=LOADER)
    tree = _Tree(root) if root else None
    return [line_of(tree.follow(names)[1]) if tree else 1 for names in wanted]


def said_of(problem: ErrorDetails, model: type[BaseModel] | None) -> str:
    """What is wrong, and the key or value that may have been meant by the type of the document."""
    *above, last = problem["loc"] or ("",)
    if problem["type"] == "extra_forbidden":
        near = meant(str(last), keys_at(model, above), "; {}") if model else ""
        return f"unknown key{near}"
    if model is None:
        return problem["msg"].removeprefix("Value error, ")
    context = problem.get("ctx", {})
    allowed = _QUOTED.findall(str(context.get("expected") or context.get("expected_tags") or ""))
    given = str(context.get("tag") or problem["input"]) if allowed else ""
    return problem["msg"].removeprefix("Value error, ") + meant(given, allowed, "; {}")


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

    def say(self, problem: ErrorDetails, model: type[BaseModel] | None) -> Problem:
        """The line of a problem, and what it is; the tags of unions are no part of its path."""
        names, node = self.follow(problem["loc"])
        if problem["type"] == "missing":
            names.append(str(problem["loc"][-1]))
        return _said(names, node, said_of(problem, model))

    def place(self, part: Sequence[str | int], what: str) -> Problem:
        """The line of a part of the document, and what is wrong with it."""
        return _said(*self.follow(part), what)

    def _children(self, node: yaml.Node) -> dict[str | int, yaml.Node]:
        if node not in self._known:
            found: dict[str | int, yaml.Node] = {}
            if isinstance(node, yaml.MappingNode):
                found = {key.value: value for key, value in node.value}
            elif isinstance(node, yaml.SequenceNode):
                found = dict(enumerate(node.value))
            self._known[node] = found
        return self._known[node]


def _said(names: Iterable[str], node: yaml.Node, what: str) -> Problem:
    where = ".".join(_clipped(name, 60) for name in names) or "the document"
    return line_of(node), f"{where}: {what}"


def _clipped(text: str, longest: int = _LONGEST_MESSAGE) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= longest else f"{plain[: longest - 3]}..."
