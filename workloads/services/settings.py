"""The settings of one service process, read strictly: an unknown key is an error."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from pathlib import Path


class SettingsError(ValueError):
    """The settings cannot be used; the message names the key."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """The database and the role. The password is in ``passfile`` (libpq's format)."""

    host: str
    port: int
    user: str
    database: str
    passfile: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.database} as {self.user}"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Connections of each worker: ``size`` opened at the start, ``overflow`` more under load."""

    size: int = 10
    overflow: int = 0


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Answers of reading queries, kept by each worker for ``ttl_s`` seconds; 0 keeps none."""

    ttl_s: float = 0.0
    entries: int = 1024


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One service process; with ``workers`` above 1 a parent and as many workers."""

    service: str  #: name of its folder below this one
    host: str  #: address to listen on
    port: int  #: TCP port to listen on
    database: Database
    pool: Pool = field(default_factory=Pool)  #: connections of each worker
    workers: int = 1  #: processes that serve
    framework: Literal["aiohttp", "fastapi"] = "aiohttp"  #: the web framework
    cache: Cache = field(default_factory=Cache)  #: cache of reading queries
    #: settings of this service alone; see ``Options`` in its package
    options: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    loop: Literal["asyncio", "uvloop"] = "asyncio"  #: the event loop
    json: Literal["stdlib", "orjson"] = "stdlib"  #: the JSON library; both give the same bytes
    burden: float = 0.0  #: CPU time added to every request, as a fraction of its own
    nonce: str = ""  #: repeated on /health, so that whoever started the process recognises it

    def __post_init__(self) -> None:
        for key, value, least, greatest in (
            ("port", self.port, 1, 65_535),
            ("workers", self.workers, 1, 1_024),
            ("pool.size", self.pool.size, 1, 10_000),
            ("pool.overflow", self.pool.overflow, 0, 10_000),
            ("cache.ttl_s", self.cache.ttl_s, 0, 3_600),
            ("cache.entries", self.cache.entries, 1, 1_000_000),
            ("burden", self.burden, 0, 1),
        ):
            if not least <= value <= greatest:
                raise SettingsError(f"{key} must be {least} to {greatest}, not {value}")


def read(path: Path) -> Settings:
    """Read settings from a JSON file.

    Raises:
        SettingsError: the file cannot be read, is not JSON, or does not describe settings.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as problem:
        raise SettingsError(f"{path}: {problem.strerror}") from problem
    except ValueError as problem:
        raise SettingsError(f"{path} is not JSON: {problem}") from problem
    return build(Settings, document, "settings")


def build[T](kind: type[T], value: object, where: str) -> T:
    """Make a dataclass of an object, of JSON or TOML, whose keys and types must be the dataclass's.

    Its fields have JSON types, literals, are other such dataclasses, or lists and dictionaries of
    these. ``where`` names the object in messages.

    Raises:
        SettingsError: a key is unknown or missing, or a value has the wrong type.
    """
    if not isinstance(value, dict):
        raise SettingsError(f"{where} must be an object")
    known = {own.name: own for own in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    for key in value.keys() - known.keys():
        raise SettingsError(f"{where} has an unknown key {key!r}; known: {', '.join(known)}")
    hints = get_type_hints(kind)
    given = {}
    for name, own in known.items():
        if name in value:
            given[name] = _check(hints[name], value[name], name)
        elif own.default is MISSING and own.default_factory is MISSING:
            raise SettingsError(f"{where} lacks the key {name!r}")
    return kind(**given)


def _check(hint: Any, value: object, name: str) -> object:  # noqa: ANN401 - any annotation
    if is_dataclass(hint):
        return build(cast("type[Any]", hint), value, name)
    if type(value) is get_origin(hint) and (inner := get_args(hint)):
        if isinstance(value, dict):
            return {key: _check(inner[1], each, f"{name}.{key}") for key, each in value.items()}
        if isinstance(value, list):
            return [_check(inner[0], each, name) for each in value]
    allowed = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if not any(_fits(kind, value) for kind in allowed):
        expected = " or ".join(map(_described, allowed))
        raise SettingsError(f"{name} must be {expected}, not {value!r}")
    return value


def _fits(kind: Any, value: object) -> bool:  # noqa: ANN401 - any annotation
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    # Exactly: in Python a bool is an int, in JSON it is not.
    return type(value) is (get_origin(kind) or kind)


def _described(kind: Any) -> str:  # noqa: ANN401 - any annotation
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    return "null" if kind is type(None) else str(getattr(kind, "__name__", kind))
