"""The manifest of a service: what its folder says of itself in ``service.toml``, read strictly.

A service is a folder: ``service.toml``, its code (a package with ``create`` and ``Options``),
``statements.toml`` (``statements-<database>.toml`` for another than PostgreSQL), and if it wants
more than a stack of the lab has, a stack of its own (``stack.in``, locked in ``stack.txt``).
Nothing else in the tree names a service.

An application is such a folder with ``application.toml`` in the place of ``service.toml``. Here
only the keys that both have are read; `ormlab.plan.applications` reads the others.

Only the standard library is imported: every service process reads its own manifest, on any stack.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from workloads.contract.fields import LOADINGS, OPERATIONS
from workloads.services.settings import SettingsError, build

FOLDER: Final = Path(__file__).parent
"""Where the lab's own services are."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,29}")
"""What the name of a service, and so of its folder, must match as a whole."""

PACKAGE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
"""What the normalised name of a package must match as a whole (PEP 503)."""

MANIFEST: Final = "service.toml"
MIGRATIONS: Final = "migrations"
"""The folder in which tools make the schema; the manifest names them and their commands."""
APPLICATION: Final = "application.toml"
_LARGEST: Final = 2**16  # bytes of a manifest
_MODULE: Final = re.compile(r"[A-Za-z_][\w.]*(?::[A-Za-z_]\w*)?")


class ManifestError(ValueError):
    """The folder is not that of a service; the message names the file and the key."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package that the service reports with its version."""

    module: str = ""  #: that proves it usable; by default its name, - written as _
    #: modules that run as compiled code; ``module:function`` is asked instead, where a library
    #: keeps one name for both
    compiled: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class OwnStack:
    """What its own stack changes of the one that it stands on; see docs/stacks.md."""

    python: str | None = None
    exclude_newer: str | None = None
    build: str | None = None
    no_binary: list[str] = field(default_factory=list)
    pure: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Migrations:
    """How a tool makes the schema of the models; it works in a copy of ``migrations/``."""

    stack: str  #: `ormlab subject check` uses this one: it has the tool
    commands: list[str]  #: programs of the stack with their arguments, in their order
    tables: list[str] = field(default_factory=list)  #: in which the tool keeps its books

    def __post_init__(self) -> None:
        if not self.commands or not all(each.split() for each in self.commands):
            raise SettingsError("commands must name a program each")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The keys of ``service.toml``."""

    schema: Literal["service/1", "application/1"]
    title: str  #: for readers
    #: what writes its SQL: the service itself, or an ORM; an application does as it likes
    kind: Literal["driver", "orm", "application"]
    #: that it is about, empty for an application; `NAME@VERSION` of a comparison pins this one
    package: str
    #: by database that it can use, the packages of the drivers that it can use there, its default
    #: first; its option ``driver`` chooses another
    databases: dict[str, list[str]]
    stack: str = "current"  #: it runs on this one, or its own stack stands on it
    #: operations and ways of loading that it lacks, with reasons
    cannot: dict[str, str] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)  #: what a reader of its figures must know
    packages: dict[str, Package] = field(default_factory=dict)
    own_stack: OwnStack = field(default_factory=OwnStack)
    migrations: dict[str, Migrations] = field(default_factory=dict)  #: by tool

    def __post_init__(self) -> None:
        drivers = [each for those in self.databases.values() for each in those]
        if (self.kind == "application") != (self.schema == "application/1"):
            raise SettingsError(f"an application has an {APPLICATION}, a service a {MANIFEST}")
        if self.kind == "application":
            self._require_modules(self.packages)
            return
        if not drivers or not all(self.databases.values()):
            raise SettingsError("databases must name a database, and for each a driver")
        for name in (self.package, *drivers, *self.packages):
            if not PACKAGE.fullmatch(name):
                raise SettingsError(f"{name!r} is no normalised name of a package")
        if lacking := [name for name in (self.package, *drivers) if name not in self.packages]:
            raise SettingsError(f"packages lacks {lacking[0]!r}, which it is about or sends SQL by")
        known = (*OPERATIONS, *LOADINGS)
        if odd := [name for name in self.cannot if name not in known]:
            raise SettingsError(f"cannot: there is no {odd[0]!r}; known: {', '.join(known)}")
        self._require_modules(self.packages)

    @staticmethod
    def _require_modules(packages: dict[str, Package]) -> None:
        for name, package in packages.items():
            for module in (*([package.module] if package.module else []), *package.compiled):
                if not _MODULE.fullmatch(module):
                    raise SettingsError(f"packages.{name}: {module!r} is no module")


@dataclass(frozen=True)
class Service:
    """A service or an application, as its folder says."""

    name: str  #: the folder's
    folder: Path
    manifest: Manifest

    @property
    def is_application(self) -> bool:
        """Whether it is an application, and not built on the lab's contract."""
        return self.manifest.kind == "application"

    @property
    def has_own_stack(self) -> bool:
        """Whether it wants more than a stack of the lab has."""
        return (self.folder / "stack.in").exists()

    @property
    def stack(self) -> str:
        """The stack that it runs on where a plan names none: its own has its name."""
        return self.name if self.has_own_stack else self.manifest.stack

    @cached_property
    def is_shipped(self) -> bool:
        """Whether it is one of the lab's own."""
        return self.folder.resolve().parent == FOLDER.resolve()

    @property
    def every_driver(self) -> tuple[str, ...]:
        """The packages that can carry its SQL to some database, its default first."""
        return tuple(each for those in self.manifest.databases.values() for each in those)

    def drivers(self, database: str = "postgresql") -> tuple[str, ...]:
        """The packages that can carry its SQL to a database, its default first."""
        return tuple(self.manifest.databases.get(database, ()))


def read(folder: Path) -> Service:
    """Read the manifest of a folder.

    Raises:
        ManifestError: it has none, or one that says something else than a manifest can.
    """
    path = folder / MANIFEST
    is_application = not path.exists() and (folder / APPLICATION).exists()
    path = folder / APPLICATION if is_application else path
    name = folder.resolve().name
    if not NAME.fullmatch(name):
        raise ManifestError(
            f"{name!r} is no name for a service: it becomes a package, so write small letters, "
            "digits and _, a letter first, 30 characters at most"
        )
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as problem:
        raise ManifestError(f"{path}: {problem.strerror}") from None
    if len(data) > _LARGEST:
        raise ManifestError(f"{path}: it is larger than {_LARGEST:,} bytes")
    try:
        document = tomllib.loads(data.decode())
        told = _shared(document) if is_application else document
        manifest = build(Manifest, told, "the manifest")
    except ValueError as problem:  # no UTF-8, no TOML, no manifest
        raise ManifestError(f"{path}: {problem}") from None
    return Service(name, folder, manifest)


def _shared(document: dict[str, object]) -> dict[str, object]:
    """The keys of an application's manifest that a service's has too."""
    known = ("schema", "title", "stack", "facts", "packages", "own_stack")
    own = {key: value for key, value in document.items() if key in known}
    return {"kind": "application", "package": "", "databases": {}, **own}


def shipped(folder: Path = FOLDER) -> dict[str, Service]:
    """The services and applications in a folder, by name; by default the lab's own services.

    Raises:
        ManifestError: a manifest is wrong.
    """
    both = (*folder.glob(f"*/{MANIFEST}"), *folder.glob(f"*/{APPLICATION}"))
    found = map(read, sorted({path.parent for path in both}))
    return {service.name: service for service in found}


def named(name: str) -> Service:
    """The service of this name beside this module.

    Raises:
        SettingsError: there is none, or its manifest is wrong.
    """
    known = [path.parent.name for path in sorted(FOLDER.glob(f"*/{MANIFEST}"))]
    if name not in known:
        raise SettingsError(f"service must be one of {', '.join(known)}, not {name!r}")
    try:
        return read(FOLDER / name)
    except ManifestError as wrong:
        raise SettingsError(str(wrong)) from None
