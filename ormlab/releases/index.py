"""The releases of a package, as a package index answers: PEP 691, with the times of PEP 700.

An index may be anybody's. An answer is read up to a limit, as a type, and used for nothing but
versions, times and reasons: what is installed, uv decides, by hashes.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final

import aiohttp
import msgspec
from msgspec import Meta
from packaging import tags
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from yarl import URL

from host import mirror
from host.environment import environment
from ormlab.base import checkout
from ormlab.base.errors import ProvisioningError, UsageError
from ormlab.compare import spec
from workloads.stacks.locks import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.tags import Tag
    from packaging.version import Version

MEDIA: Final = "application/vnd.pypi.simple.v1+json"
"""The kind of answer that is asked for (PEP 691)."""

LARGEST: Final = 32 * 2**20
"""Bytes of an answer; those of projects with ten thousand files have a quarter of it."""

_PATIENCE: Final = aiohttp.ClientTimeout(total=300, sock_connect=30, sock_read=30)
_SCHEMES: Final = ("http://", "https://")
_LONGEST_NAME: Final = 300  # characters of a file's name
_MOST_DOTS: Final = 30  # of a file's name: they part its tags, which multiply
_LONGEST_REASON: Final = 120
_NAMED: Final = re.compile(r"\A[A-Za-z0-9._-]+=(?=[a-z]+:)")  # uv has NAME=ADDRESS, too
_DEFAULT: Final = re.compile(r"--default-index <[A-Z_]+>\s+[^<]*<(?P<address>https://[^>\s]+)>")


@dataclass(frozen=True)
class Release:
    """One version of a package."""

    version: Version
    uploaded: datetime  #: when its first file was, UTC
    unfit: str | None  #: why nobody can measure it, in words; None if one can


class _File(msgspec.Struct, frozen=True, rename="kebab"):
    filename: str
    upload_time: Annotated[datetime, Meta(tz=True)] | None = None
    requires_python: str | None = None
    yanked: bool | str = False


class _Meta(msgspec.Struct, frozen=True, rename="kebab"):
    api_version: str


class _Project(msgspec.Struct, frozen=True):
    """An answer (PEP 691, "Project Detail"); keys that are not used here may hold anything."""

    meta: _Meta
    name: str
    files: list[_File]


@contextmanager
def asked_first(index: str | None) -> Iterator[None]:
    """Have this index asked before those that are configured, here and by all that installs.

    Args:
        index: its address, as uv takes it for ``--index``; None for no such index.
    """
    if index is None:
        yield
        return
    # A variable keeps those of a configuration file from being read, so they become variables too.
    told = environment("installer")
    own = {name: told[name] for name in mirror.SAID if name in told}
    own["UV_INDEX"] = f"{index} {told.get('UV_INDEX', '')}".strip()
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def addresses() -> tuple[str, ...]:
    """The addresses of the indexes that uv would ask, in its order."""
    told = environment("installer")
    first = " ".join(told.get(name, "") for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL")).split()
    default = told.get("UV_DEFAULT_INDEX") or told.get("UV_INDEX_URL") or _default_of_uv()
    return tuple(_NAMED.sub("", each) for each in (*first, default))


def releases(package: str, python: str, indexes: Sequence[str]) -> tuple[Release, ...]:
    """The releases of a package, in the order of their versions.

    Args:
        package: its normalised name.
        python: version of the CPython that it is to run on, such as ``3.13``.
        indexes: addresses; as with uv, the first that has the package decides.

    Raises:
        ProvisioningError: an index cannot be reached.
        UsageError: no index has the package, or one answers with something else.
    """
    for address in indexes:
        where = _without_credentials(address)
        answer = asyncio.run(_asked(f"{address.rstrip('/')}/{package}/", where))
        if answer is not None:
            return read(answer, package, python, where)
    raise UsageError(
        "package-unknown",
        f"no index has the package {package}",
        where=", ".join(map(_without_credentials, indexes)),
        hint="name the index that has it with --index, or in uv's configuration",
    )


def read(answer: bytes, package: str, python: str, where: str) -> tuple[Release, ...]:
    """The releases in an answer, in the order of their versions.

    Args:
        answer: its bytes.
        package: normalised name of the package that was asked for.
        python: as for `releases`.
        where: the index, for messages.

    Raises:
        UsageError: it is not such an answer.
    """
    try:
        project = msgspec.json.decode(answer, type=_Project)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _refused(where, f"it does not describe a project: {wrong}") from None
    if project.meta.api_version.partition(".")[0] != "1":
        raise _refused(where, f"it has the version {project.meta.api_version[:20]!a}, not 1")
    if normalise(project.name) != package:
        raise _refused(where, f"it is about {project.name[:60]!a}, not {package}")
    files: dict[Version, list[tuple[_File, datetime]]] = defaultdict(list)
    undated = 0
    for file in project.files:
        version = _version(file.filename, package)
        if version is not None and file.upload_time is not None:
            files[version].append((file, file.upload_time))
        undated += version is not None and file.upload_time is None
    if undated and not files:
        raise UsageError(
            "index-undated",
            f"the index does not say when files of {package} were uploaded (PEP 700)",
            where=where,
            hint="a lock needs these times, too: name another index with --index",
        )
    runs = _Fitness(python)
    return tuple(
        Release(
            version,
            min(uploaded for _, uploaded in files[version]),
            runs.unfit(version, [file for file, _ in files[version]]),
        )
        for version in sorted(files)
    )


class _Fitness:
    """Whether the files of a release can be installed for an interpreter, on a machine as this."""

    def __init__(self, python: str) -> None:
        major, minor = (int(part) for part in python.split(".")[:2])
        platforms = [*tags.platform_tags()]
        version = (major, minor)
        self._python = python
        self._tags: frozenset[Tag] = frozenset(
            (
                *tags.cpython_tags(version, platforms=platforms),
                *tags.compatible_tags(version, f"cp{major}{minor}", platforms),
            )
        )

    def unfit(self, version: Version, files: Sequence[_File]) -> str | None:
        """Why a release cannot be measured; None if it can."""
        if version.is_prerelease:
            return "it is a pre-release"
        if not spec.is_version(str(version)):
            return "its version is not one that a subject can have"
        kept = [file for file in files if file.yanked is False]
        if not kept:
            said = next((file.yanked for file in files if isinstance(file.yanked, str)), "")
            return f"it was yanked: {_shortened(said)}" if said else "it was yanked"
        if not any(self._runs(file) for file in kept):
            return f"it has no wheel for CPython {self._python} here"
        return None

    def _runs(self, file: _File) -> bool:
        if not file.filename.endswith(".whl"):
            return False
        *_, known = parse_wheel_filename(file.filename)
        if self._tags.isdisjoint(known):
            return False
        try:
            wanted = SpecifierSet(file.requires_python or "")
        except ValueError:
            return False
        return wanted.contains(self._python, prereleases=True)


def _version(filename: str, package: str) -> Version | None:
    """The version of a file of a package; None for what is no wheel or source of it."""
    if len(filename) > _LONGEST_NAME or filename.count(".") > _MOST_DOTS:
        return None
    try:
        if filename.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except ValueError:
        return None
    return version if name == package else None


async def _asked(address: str, where: str) -> bytes | None:
    """The answer of an index; None if it has no such package."""
    if not where.startswith(_SCHEMES):
        raise UsageError(
            "index-address",
            f"{where} is no address of an index that can be asked for releases",
            where="--index",
            hint="name one that begins with https:// or http://",
        )
    try:
        async with (
            aiohttp.ClientSession(trust_env=True, timeout=_PATIENCE) as session,
            session.get(address, headers={"Accept": MEDIA}) as answer,
        ):
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            if answer.status != HTTPStatus.OK:
                raise _unreachable(where, f"it answered with the status {answer.status}")
            if answer.content_type != MEDIA:
                raise _refused(where, f"it is of the type {answer.content_type[:60]!a}")
            data = bytearray()
            async for piece in answer.content.iter_any():
                data += piece
                if len(data) > LARGEST:
                    raise _refused(where, f"it has more than {LARGEST:,} bytes")
            return bytes(data)
    except (aiohttp.ClientError, TimeoutError, OSError) as failed:
        if isinstance(failed, ProvisioningError):
            raise
        raise _unreachable(where, _reason(failed)) from None


def _default_of_uv() -> str:
    """The index that uv asks where none is configured: it says so itself."""
    ended = subprocess.run(
        [checkout.UV, "pip", "compile", "--help"],
        env=environment("installer"),
        capture_output=True,
        text=True,
        check=False,
    )
    found = _DEFAULT.search(ended.stdout)
    if found is None:
        raise UsageError(
            "index-unnamed",
            "no package index is configured",
            where="UV_DEFAULT_INDEX",
            hint="name one with --index, in that variable or in uv's configuration",
        )
    return found["address"]


def _reason(failed: Exception) -> str:
    # What the library says may quote the address, with a password in it.
    told = failed.strerror if isinstance(failed, OSError) else None
    return (told or type(failed).__name__).lower()


def _without_credentials(address: str) -> str:
    """The address without a name and a password; what is no address of a host as a word."""
    try:
        return str(URL(address).with_user(None))
    except ValueError:
        return "what is configured"


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_REASON else f"{words[:_LONGEST_REASON]} ..."


def _unreachable(where: str, why: str) -> ProvisioningError:
    return ProvisioningError(
        "index-unreachable",
        f"the package index cannot be asked: {why}",
        where=where,
        hint="check the network, the proxy and the address, then do the same again",
    )


def _refused(where: str, why: str) -> UsageError:
    return UsageError(
        "index-refused",
        f"the answer of the package index cannot be used: {why}",
        where=where,
        hint="the index must answer in JSON (PEP 691): name another one with --index",
    )
