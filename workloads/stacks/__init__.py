"""The stacks: read ``stacks.toml`` and the locks beside it, strictly.

A stack is a pinned, hash-locked set of interpreter, ORM, driver and web framework. One with a
``base`` is that stack with some packages, or the interpreter, replaced: its files hold only what
differs. This module says what a stack is; ``locks.py`` reads its locks, ``agent.stacks`` makes its
environment, ``lock.py`` renews its lock.

The files may come from somebody else's bundle. Whatever becomes part of a path or of a command is
held against a pattern here: names of stacks, of files of build tools, of packages and modules.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from workloads.stacks import locks
from workloads.stacks.locks import Pin, StackFileError, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = "stacks/1"
FOLDER = Path(__file__).parent

__all__ = ["FOLDER", "SCHEMA", "Pin", "Stack", "StackFileError", "load", "normalise", "wanted_in"]

STACK_NAME: Final = r"[a-z0-9][a-z0-9.-]{0,39}"
"""What the name of a stack, and of a file of build tools, must match as a whole."""

_LARGEST = 2**18  # bytes of stacks.toml and of each .in; the lab's stacks.toml has 7 KB
_STACK = re.compile(STACK_NAME)
_PACKAGE = re.compile(locks.NAME)
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_WANTED = re.compile(rf"^(?P<name>{locks.NAME})", re.MULTILINE)
_PYTHON = re.compile(r"(?P<version>3\.\d+(?:\.\d+)?)(?:\+(?P<jit>jit|jit-off))?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
# What a stack with a base has from there if it says nothing.
_INHERITED: dict[str, type] = {"python": str, "exclude_newer": str, "extensions": str}
_OWN: dict[str, type] = {"title": str, "expect": str}
_OPTIONAL: dict[str, type] = dict.fromkeys(("note", "base", "build"), str)
_OPTIONAL |= dict.fromkeys(("no_binary", "pure"), list)
# CPython 3.13, "What's New": a build with the JIT runs with it or without, as this variable says.
_JIT = {"jit": {"PYTHON_JIT": "1"}, "jit-off": {"PYTHON_JIT": "0"}}


@dataclass(frozen=True)
class Stack:
    """One stack as it is defined, before anything is installed.

    Attributes:
        name: its table in stacks.toml, and the stem of its two requirement files.
        folder: where these files are.
        title: for people.
        python: the interpreter: ``"3.13"`` is any patch release, ``"3.13.0"`` exactly that one,
            ``"3.13+jit"`` one that was built with the JIT, ``"3.13+jit-off"`` the same one run
            without it.
        exclude_newer: the instant (RFC 3339, UTC) as of which the lock was resolved.
        expect: whether it is known to work; a failure may be the point.
        note: why the stack is there.
        base: the stack that this one is but for its own packages; None if it stands alone.
        build: stem of the lock of build tools in ``build/``; None installs wheels only.
        no_binary: packages that are built from source although a wheel exists.
        pure: packages whose compiled modules must be absent.
        compiled: by package, the modules that are compiled where they are not ``pure``.
        imports: by package, the module that proves it usable.
    """

    name: str
    folder: Path
    title: str
    python: str
    exclude_newer: str
    expect: Literal["works", "fails"]
    note: str = ""
    base: Stack | None = None
    build: str | None = None
    no_binary: tuple[str, ...] = ()
    pure: tuple[str, ...] = ()
    compiled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    imports: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> Path:
        """The file of the packages asked for; with a base, of those that replace the base's."""
        return self.folder / f"{self.name}.in"

    @property
    def lock(self) -> Path:
        """The file of the pins with their hashes; with a base, of those that are not the base's."""
        return self.folder / f"{self.name}.txt"

    @property
    def build_lock(self) -> Path | None:
        """The file of the pinned build tools, if the stack builds anything."""
        return self.folder / f"build/{self.build}.txt" if self.build else None

    @property
    def files(self) -> list[Path]:
        """The files of its pins and of its build tools, those of the base included."""
        own = [self.lock] if self.base is None or self.wanted.exists() else []
        own += [self.build_lock] if self.build_lock else []
        return [*(self.base.files if self.base else ()), *own]

    @property
    def variables(self) -> dict[str, str]:
        """The variables that its programs are started with."""
        asked = _PYTHON.fullmatch(self.python)
        return dict(_JIT.get(asked["jit"], {})) if asked and asked["jit"] else {}

    def pins(self) -> dict[str, Pin]:
        """Every package of the lock by its normalised name.

        Raises:
            StackFileError: there is no lock, or it holds anything but pins.
        """
        if self.base is None:
            return locks.read(self.lock)
        own = locks.read(self.lock) if self.wanted.exists() else {}
        return dict(sorted({**self.base.pins(), **own}.items()))

    def text(self) -> str:
        """The whole lock as it stands, that of the base included; what the digest is of.

        Raises:
            StackFileError: as `pins`.
        """
        pins = self.pins()
        if self.base is None:
            return _read(self.lock)
        return "".join(pin.lines for pin in pins.values())

    def requirements(self) -> str:
        """The whole lock, written anew for an installer.

        Raises:
            StackFileError: as `pins`.
        """
        return _requirements(self.pins())

    def build_requirements(self) -> str | None:
        """The lock of the build tools, written anew for an installer; None if nothing is built.

        Raises:
            StackFileError: as `pins`.
        """
        return _requirements(locks.read(self.build_lock)) if self.build_lock else None

    def packages(self) -> dict[str, str]:
        """The packages asked for, each with the version the lock gives it.

        Raises:
            StackFileError: a package is asked for that the lock does not have.
        """
        pins = self.pins()
        try:
            return {name: pins[name].version for name in sorted(self.imports)}
        except KeyError as missing:
            raise StackFileError(f"{self.lock.name}: no pin of {missing.args[0]}") from None

    def digest(self) -> str:
        """SHA-256 of all that decides what is installed and what is asked of it."""
        inputs = {
            "python": self.python,
            "wanted": sorted(self.imports),
            "lock": self.text(),
            "build": _read(self.build_lock) if self.build_lock else None,
            "no_binary": self.no_binary,
            "pure": self.pure,
            "compiled": dict(self.compiled),
            "imports": dict(self.imports),
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def load(folder: Path = FOLDER, *, lost_asks_nothing: bool = False) -> dict[str, Stack]:
    """Read all stacks of a folder, by name. The locks themselves are read when asked for.

    Args:
        folder: of ``stacks.toml`` and the files beside it.
        lost_asks_nothing: whether a stack whose ``.in`` is missing asks for no package.

    Raises:
        StackFileError: a file is missing or not TOML; a key is unknown, missing or of a wrong
            type; a value names something that does not exist.
    """
    path = folder / "stacks.toml"
    try:
        document = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as problem:
        raise StackFileError(f"{path.name}: {problem}") from None
    top = {"schema": str, "imports": dict, "stacks": dict, "extensions": dict}
    _check(document, top, {}, "top level")
    if document["schema"] != SCHEMA:
        raise StackFileError(f"{path.name}: schema is {document['schema']!r}, not {SCHEMA!r}")
    stacks: dict[str, Stack] = {}
    for name, table in document["stacks"].items():
        stacks[name] = _stack(
            name, table, folder, document, stacks, lost_asks_nothing=lost_asks_nothing
        )
    return stacks


def wanted_in(path: Path) -> list[str]:
    """The packages that a file asks for, by their normalised names.

    Raises:
        StackFileError: it is missing.
    """
    return [normalise(line["name"]) for line in _WANTED.finditer(_read(path))]


def _requirements(pins: Mapping[str, Pin]) -> str:
    return "".join(pin.requirement for pin in pins.values())


def _stack(
    name: str,
    table: Any,  # noqa: ANN401 - as parsed
    folder: Path,
    document: Any,  # noqa: ANN401 - as parsed
    before: Mapping[str, Stack],
    *,
    lost_asks_nothing: bool,
) -> Stack:
    where = f"stacks.{name}"
    _demand(_STACK.fullmatch(name), "stacks", name, f"is no name of a stack ({STACK_NAME})")
    base = _base(table, before, where)
    if base:
        _check(table, _OWN, _INHERITED | _OPTIONAL, where)
        table = {"python": base.python, "exclude_newer": base.exclude_newer, **table}
    else:
        _check(table, _OWN | _INHERITED, _OPTIONAL, where)
    _demand(_PYTHON.fullmatch(table["python"]), where, "python", "is not like 3.13 or 3.13.0")
    _demand(_DAY.fullmatch(table["exclude_newer"]), where, "exclude_newer", "is no UTC instant")
    _demand(table["expect"] in ("works", "fails"), where, "expect", "is neither works nor fails")
    _check_names(table, where)
    compiled = {**base.compiled} if base else {}
    if "extensions" in table:
        compiled |= _compiled(table["extensions"], document["extensions"], where)
    path = folder / f"{name}.in"
    is_needed = base is None and not lost_asks_nothing
    asked = wanted_in(path) if is_needed or path.exists() else []
    wanted = sorted({*asked, *(base.imports if base else ())})
    for package in wanted:
        module = document["imports"].get(package)
        is_module = isinstance(module, str) and _MODULE.fullmatch(module)
        _demand(is_module, "imports", package, f"is no module, and {name}.in asks for the package")
    for package in table.get("pure", ()):
        _demand(package in compiled, where, "pure", f"{package!r} has no extensions to be without")
    return Stack(
        name=name,
        folder=folder,
        title=table["title"],
        python=table["python"],
        exclude_newer=table["exclude_newer"],
        expect=table["expect"],
        note=table.get("note", ""),
        base=base,
        build=table.get("build"),
        no_binary=tuple(table.get("no_binary", ())),
        pure=tuple(table.get("pure", ())),
        compiled=compiled,
        imports={package: document["imports"][package] for package in wanted},
    )


def _check_names(table: Any, where: str) -> None:  # noqa: ANN401 - as parsed
    """What becomes part of a path or of a command is a name."""
    if "build" in table:
        _demand(_STACK.fullmatch(table["build"]), where, "build", "is no name of a file")
    for key in ("no_binary", "pure"):
        for package in table.get(key, ()):
            _demand(_PACKAGE.fullmatch(package), where, key, f"{package!r} is no package's name")


def _base(table: Any, before: Mapping[str, Stack], where: str) -> Stack | None:  # noqa: ANN401 - as parsed
    if not isinstance(table, dict) or "base" not in table:
        return None
    base = before.get(str(table["base"]))
    _demand(base, where, "base", f"{table['base']!r} is no stack that stands before it")
    return base


def _compiled(
    name: str,
    tables: Any,  # noqa: ANN401 - as parsed
    where: str,
) -> dict[str, tuple[str, ...]]:
    _demand(name in tables, where, "extensions", "names no table of extensions")
    where = f"extensions.{name}"
    _demand(isinstance(tables[name], dict), "extensions", name, "is not a table")
    for package, modules in tables[name].items():
        _demand(_PACKAGE.fullmatch(package), where, package, "is no package's name")
        is_list = isinstance(modules, list) and all(
            isinstance(module, str) and _MODULE.fullmatch(module) for module in modules
        )
        _demand(is_list, where, package, "is no list of modules")
    return {package: tuple(modules) for package, modules in tables[name].items()}


def _check(
    table: Any,  # noqa: ANN401 - as parsed
    required: Mapping[str, type],
    optional: Mapping[str, type],
    where: str,
) -> None:
    if not isinstance(table, dict):
        raise StackFileError(f"stacks.toml: {where} is not a table")
    kinds = {**required, **optional}
    for key in required.keys() - table.keys():
        raise StackFileError(f"stacks.toml: {where} lacks {key!r}")
    for key, value in table.items():
        _demand(key in kinds, where, key, f"is unknown; the keys are {', '.join(sorted(kinds))}")
        right = isinstance(value, kinds[key])
        _demand(right, where, key, f"is not a {kinds[key].__name__}")
        if kinds[key] is list:
            strings = all(isinstance(item, str) for item in value)
            _demand(strings, where, key, "is not a list of strings")


def _demand(condition: object, where: str, key: str, complaint: str) -> None:
    if not condition:
        raise StackFileError(f"stacks.toml: {where}: {key!r} {complaint}")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(locks.LARGEST + 1)
        if len(data) > (locks.LARGEST if path.suffix == ".txt" else _LARGEST):
            raise StackFileError(f"{path.name}: it is larger than it can be")
        return data.decode()
    except OSError as problem:
        raise StackFileError(f"{path.name}: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise StackFileError(f"{path.name}: it is not UTF-8: {problem.reason}") from None
