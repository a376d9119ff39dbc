"""The stacks: read ``stacks.toml`` and the locks beside it, and those of services, strictly.

A stack is a pinned, hash-locked set of interpreter, ORM, driver and web framework. One with a
``base`` is that stack with some packages, or the interpreter, replaced: its files hold only what
differs. A service may bring such a stack in its own folder. This module says what a stack is;
``locks.py`` reads its locks, ``agent.stacks`` makes its environment, ``lock.py`` renews its lock.

The files may come from somebody else's bundle. Whatever becomes part of a path or of a command must
match a pattern here: names of stacks, of files of build tools, of packages and modules.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from workloads.services import manifest
from workloads.stacks import locks
from workloads.stacks.locks import Pin, StackFileError, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workloads.services.manifest import Service

FOLDER = Path(__file__).parent

__all__ = ["FOLDER", "STACK_NAME", "WHEELS", "Pin", "Stack", "StackFileError", "load", "wanted_in"]

STACK_NAME: Final = r"[a-z0-9][a-z0-9.-]{0,39}"
"""What the name of a stack, and of a file of build tools, must match as a whole."""

WHEELS: Final = "wheels"
"""The folder, beside ``stacks.toml``, of wheels that no registry has; a folder for each stack."""

_LARGEST = 2**18  # bytes of stacks.toml and of each .in; the lab's stacks.toml has 7 KB
_WANTED = re.compile(rf"^(?P<name>{locks.NAME})", re.MULTILINE)
_PYTHON = re.compile(r"\A3\.[0-9]+(?:\.[0-9]+)?(?:\+(?P<jit>jit|jit-off))?\Z")
_DAY = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z"
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"

type _Name = Annotated[str, Meta(pattern=rf"\A{STACK_NAME}\Z")]
type _Package = Annotated[str, Meta(pattern=rf"\A{locks.NAME}\Z")]
type _Module = Annotated[str, Meta(pattern=rf"\A{_IDENTIFIER}(?:\.{_IDENTIFIER})*\Z")]
# CPython 3.13, "What's New": in a build with the JIT this variable switches it on or off.
_JIT = {"jit": {"PYTHON_JIT": "1"}, "jit-off": {"PYTHON_JIT": "0"}}


@dataclass(frozen=True)
class Stack:
    """One stack as it is defined, before anything is installed."""

    name: str  #: its table in stacks.toml, or the service that brings it
    folder: Path  #: folder of its two requirement files
    title: str  #: title for readers
    #: the interpreter: ``"3.13"`` is any patch release, ``"3.13.0"`` exactly that one,
    #: ``"3.13+jit"`` one that was built with the JIT, ``"3.13+jit-off"`` the same one run without
    #: it
    python: str
    exclude_newer: str  #: instant (RFC 3339, UTC) up to which the lock knows releases
    #: whether it is known to work; its failure may be the evidence
    expect: Literal["works", "fails"]
    note: str = ""  #: why the stack is there
    stem: str = ""  #: of its two requirement files; empty for the stack's own name
    #: folder of the locks of build tools; by default the stack's
    tools: Path | None = None
    #: the stack that this one equals but for its own packages; None without one
    base: Stack | None = None
    #: stem of the lock of build tools in ``build/``; None installs wheels only
    build: str | None = None
    no_binary: tuple[str, ...] = ()  #: packages that are built from source although a wheel exists
    pure: tuple[str, ...] = ()  #: packages whose compiled modules must be absent
    #: by package, the modules that must be compiled unless it is ``pure``
    compiled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: by package, the module that proves it usable
    imports: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> Path:
        """The file of the requested packages; with a base, of those that replace the base's."""
        return self.folder / f"{self.stem or self.name}.in"

    @property
    def lock(self) -> Path:
        """The file of the pins with their hashes; with a base, of those that differ from it."""
        return self.folder / f"{self.stem or self.name}.txt"

    @property
    def build_lock(self) -> Path | None:
        """The file of the pinned build tools, if the stack builds anything."""
        folder = self.tools or self.folder
        return folder / f"build/{self.build}.txt" if self.build else None

    @property
    def of_service(self) -> bool:
        """Whether a service brings it: its files are then among those of the service."""
        return bool(self.stem)

    @property
    def wheels(self) -> list[Path]:
        """The wheels that its lock names and no registry has."""
        return sorted((self.folder / WHEELS / self.name).glob("*.whl"))

    @property
    def requested(self) -> list[Path]:
        """The files of its requests, those of the base included."""
        own = [self.wanted] if self.wanted.exists() else []
        return [*(self.base.requested if self.base else ()), *own]

    @property
    def files(self) -> list[Path]:
        """The files of its pins and of its build tools, those of the base included."""
        own = [self.lock] if self.base is None or self.wanted.exists() else []
        own += [self.build_lock] if self.build_lock else []
        return [*(self.base.files if self.base else ()), *own]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of its programs."""
        asked = _PYTHON.match(self.python)
        return dict(_JIT[asked["jit"]]) if asked and asked["jit"] else {}

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
        """The text of the whole lock, that of the base included; errors as in `pins`."""
        pins = self.pins()
        if self.base is None:
            return _read(self.lock)
        return "".join(pin.lines for pin in pins.values())

    def requirements(self) -> str:
        """The whole lock, written anew for an installer; errors as in `pins`."""
        return _requirements(self.pins())

    def build_requirements(self) -> str | None:
        """The lock of the build tools, written anew for an installer; None if nothing is built."""
        return _requirements(locks.read(self.build_lock)) if self.build_lock else None

    def packages(self) -> dict[str, str]:
        """The requested packages with their pinned versions; StackFileError if a pin is missing."""
        pins = self.pins()
        try:
            return {name: pins[name].version for name in sorted(self.imports)}
        except KeyError as missing:
            raise StackFileError(f"{self.lock.name}: no pin of {missing.args[0]}") from None

    def digest(self) -> str:
        """SHA-256 of everything that decides what is installed and how it is checked."""
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


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``stacks.toml``; its tables are read one by one, so that an error names the table."""

    schema: Literal["stacks/1"]
    imports: dict[str, Any]
    stacks: dict[str, Any]
    extensions: dict[str, dict[str, Any]]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table of a stack; null where it takes a value from its base."""

    title: str
    expect: Literal["works", "fails"]
    base: str | None = None
    python: Annotated[str, Meta(pattern=_PYTHON.pattern)] | None = None
    exclude_newer: Annotated[str, Meta(pattern=_DAY)] | None = None
    extensions: _Name | None = None
    note: str = ""
    build: _Name | None = None
    no_binary: tuple[_Package, ...] = ()
    pure: tuple[_Package, ...] = ()


def load(
    folder: Path = FOLDER,
    services: Iterable[Service] | None = None,
    *,
    lost_asks_nothing: bool = False,
) -> dict[str, Stack]:
    """Read all stacks of a folder and of services, by name, but not yet their locks.

    With ``lost_asks_nothing`` a stack whose ``.in`` is missing requests no package. Without
    ``services``, those of the folder ``services`` beside the stacks are read.

    Raises:
        StackFileError: a file is missing or not TOML; a key is unknown, missing or of a wrong
            type; a value names something that does not exist.
    """
    path = folder / "stacks.toml"
    try:
        document = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as problem:
        raise StackFileError(f"{path.name}: {problem}") from None
    file = _convert(document, _File, "top level")
    stacks: dict[str, Stack] = {}
    for name, table in file.stacks.items():
        _convert(name, _Name, f"stacks: {name!a}")
        stacks[name] = _stack(
            name,
            _convert(table, _Table, f"stacks.{name}"),
            folder,
            file,
            stacks,
            lost_asks_nothing=lost_asks_nothing,
        )
    beside = manifest.shipped(folder.parent / manifest.FOLDER.name).values()
    for service in beside if services is None else services:
        if service.has_own_stack:
            stacks[service.name] = _of_service(service, stacks)
    return stacks


def wanted_in(path: Path) -> list[str]:
    """The normalised names of the packages that a file requests; StackFileError without it."""
    return [normalise(line["name"]) for line in _WANTED.finditer(_read(path))]


def _requirements(pins: Mapping[str, Pin]) -> str:
    return "".join(pin.requirement for pin in pins.values())


def _stack(
    name: str,
    table: _Table,
    folder: Path,
    file: _File,
    before: Mapping[str, Stack],
    *,
    lost_asks_nothing: bool,
) -> Stack:
    where = f"stacks.{name}"
    base = before.get(table.base) if table.base is not None else None
    _demand(base or table.base is None, where, "base", f"{table.base!r} is no stack before it")
    python = table.python or (base.python if base else None)
    exclude_newer = table.exclude_newer or (base.exclude_newer if base else None)
    for key, value in (
        ("python", python),
        ("exclude_newer", exclude_newer),
        ("extensions", base or table.extensions),
    ):
        _demand(value, where, key, "is missing, and there is no base to take it from")
    compiled = dict(base.compiled) if base else {}
    if table.extensions is not None:
        is_there = table.extensions in file.extensions
        _demand(is_there, where, "extensions", f"names no such table: {table.extensions!r}")
        for package, modules in file.extensions[table.extensions].items():
            place = f"extensions.{table.extensions}"
            _convert(package, _Package, f"{place}: {package!a}")
            compiled[package] = _convert(modules, tuple[_Module, ...], f"{place}.{package}")
    path = folder / f"{name}.in"
    is_needed = base is None and not lost_asks_nothing
    asked = wanted_in(path) if is_needed or path.exists() else []
    wanted = sorted({*asked, *(base.imports if base else ())})
    for package in wanted:
        _demand(package in file.imports, "imports", package, f"is missing: {name}.in asks for it")
    for package in table.pure:
        _demand(package in compiled, where, "pure", f"{package!r} has no extensions to be without")
    return Stack(
        name=name,
        folder=folder,
        title=table.title,
        python=str(python),
        exclude_newer=str(exclude_newer),
        expect=table.expect,
        note=table.note,
        base=base,
        build=table.build,
        no_binary=table.no_binary,
        pure=table.pure,
        compiled=compiled,
        imports={each: _convert(file.imports[each], _Module, f"imports.{each}") for each in wanted},
    )


def _of_service(service: Service, stacks: Mapping[str, Stack]) -> Stack:
    """The stack that a service brings: its base's, with what ``stack.in`` asks for beside it."""
    file = manifest.APPLICATION if service.is_application else manifest.MANIFEST
    own, where = service.manifest.own_stack, f"{service.name}/{file}"
    base = stacks.get(service.manifest.stack)
    if base is None:
        known = ", ".join(stacks)
        raise StackFileError(
            f"{where}: there is no stack {service.manifest.stack!r}; the stacks are {known}"
        )
    if service.name in stacks:
        raise StackFileError(f"{where}: a stack has the name {service.name!r}: rename the folder")
    for pattern, value, key in (
        (_PYTHON.pattern, own.python, "python"),
        (_DAY, own.exclude_newer, "exclude_newer"),
        (rf"\A{STACK_NAME}\Z", own.build, "build"),
    ):
        if value is not None and not re.match(pattern, value):
            raise StackFileError(f"{where}: own_stack.{key} cannot be {value!r}")
    packages = service.manifest.packages
    asked = wanted_in(service.folder / "stack.in")
    lacking = [name for name in asked if name not in {*packages, *base.imports}]
    if lacking and not service.is_application:  # of which nothing is reported
        raise StackFileError(f"{where}: packages lacks {lacking[0]!r}, which stack.in asks for")
    wanted = sorted({*asked, *base.imports})
    imports = {name: packages[name].module if name in packages else "" for name in wanted}
    return Stack(
        name=service.name,
        folder=service.folder,
        stem="stack",
        tools=base.tools or base.folder,
        title=f"{base.title}, with what {service.name} needs",
        python=own.python or base.python,
        exclude_newer=own.exclude_newer or base.exclude_newer,
        expect="works",
        base=base,
        build=own.build,
        no_binary=tuple(own.no_binary),
        pure=tuple(own.pure),
        compiled={
            **base.compiled,
            **{
                name: tuple(each for each in packages[name].compiled if ":" not in each)
                for name in asked
                if name in packages and packages[name].compiled
            },
        },
        imports={
            name: module or base.imports.get(name) or name.replace("-", "_")
            for name, module in imports.items()
        },
    )


def _convert(value: object, kind: Any, where: str) -> Any:  # noqa: ANN401 - a type, and its value
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        raise StackFileError(f"stacks.toml: {where}: {problem}") from None


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
