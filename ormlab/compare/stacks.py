"""Locks what subjects ask for beyond the shipped stacks: a version, a local source, a Python.

Such a stack has the requests of a shipped one, but only those of its own service, and keeps as many
of that one's pins as the requests allow. So two versions of a package differ in little else.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.stacks import reasons
from host.environment import environment
from ormlab.base import checkout
from ormlab.base.errors import ProvisioningError, UsageError
from ormlab.compare import source
from workloads import stacks
from workloads.stacks import lock as locking
from workloads.stacks import locks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ormlab.compare.source import Wheel
    from ormlab.compare.spec import Spec
    from workloads.stacks import Stack
    from workloads.stacks.locks import Pin

PACKAGES: Final = {"asyncpg": "asyncpg", "sqlalchemy": "sqlalchemy", "tortoise": "tortoise-orm"}
"""By service, the package that a version or a local source is of."""
_DRIVER: Final = "asyncpg"  # every service sends its SQL through it
_OF_FRAMEWORK: Final = {"aiohttp": "current", "fastapi": "fastapi-current"}
_PYTHON: Final = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,2})?")
_MOST_VERSIONS: Final = 8
_LONGEST_REASON: Final = 400
_LONGEST_NAME: Final = 40  # of a stack
_VERSIONS: Final = re.compile(r"^Available versions: (?P<versions>.+)$", re.MULTILINE)
_CAUSE: Final = re.compile(r"cause: (?P<cause>.+?)(?:\n\s*\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Locked:
    """The stacks of some subjects."""

    folder: Path  #: where they are defined and locked
    names: tuple[str, ...]  #: the stack of each subject, in their order
    notes: tuple[str, ...]  #: what a reader must know of them, in sentences


@dataclass(frozen=True)
class _Wanted:
    """One stack that is to be locked."""

    name: str
    base: Stack  #: the shipped stack that it is like
    service: str
    python: str
    version: str | None  #: of the service's package; None for the base's
    wheel: Wheel | None  #: that the package comes from; None for the registry

    @property
    def package(self) -> str:
        """The package of its service."""
        return PACKAGES[self.service]


def lock(specs: Sequence[Spec], python: str | None, into: Path) -> Locked:
    """Find the stack of every subject, and lock those that no shipped stack is.

    Args:
        specs: the subjects.
        python: version of the interpreter of all subjects; None for that of their stacks.
        into: folder to make, unless the shipped stacks are all that is asked for.

    Raises:
        UsageError: a stack does not exist or cannot be locked; the message has the reason.
        ProvisioningError: the network or the disk failed.
    """
    if python is not None and not _PYTHON.fullmatch(python):
        raise UsageError(
            "python-invalid",
            f"{python!r} is no version of CPython",
            where="--python",
            hint="write it as in 3.12 or 3.13.1",
        )
    shipped = stacks.load()
    bases = [_base(spec, python, shipped) for spec in specs]
    own = [
        (spec, base)
        for spec, base in zip(specs, bases, strict=True)
        if spec.version or spec.path or (python and python != base.python)
    ]
    if not own:
        return Locked(checkout.STACKS, tuple(base.name for base in bases), ())
    shutil.copytree(checkout.STACKS, into, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    names, notes = [], {}
    for spec, base in zip(specs, bases, strict=True):
        if (spec, base) not in own:
            names.append(base.name)
            continue
        wanted = _wanted(spec, base, python or base.python, into)
        names.append(wanted.name)
        if wanted.name not in notes:
            notes[wanted.name] = _lock(wanted, into, shipped)
    return Locked(into, tuple(names), tuple(note for each in notes.values() for note in each))


def _base(spec: Spec, python: str | None, shipped: Mapping[str, Stack]) -> Stack:
    """The shipped stack of a subject, or the one that its own is like."""
    name = spec.stack or _OF_FRAMEWORK[str(spec.settings.get("framework", "aiohttp"))]
    if name not in shipped:
        raise UsageError(
            "stack-unknown",
            f"there is no stack {name!r}",
            where=str(spec),
            hint=f"the stacks are {', '.join(shipped)}",
        )
    if spec.stack and python:
        raise UsageError(
            "python-twice",
            f"the stack {name} has an interpreter of its own, {shipped[name].python}",
            where=str(spec),
            hint="leave out --python, or the stack",
        )
    return shipped[name]


def _wanted(spec: Spec, base: Stack, python: str, folder: Path) -> _Wanted:
    if spec.path is None:
        return _Wanted(_name(spec, base, python), base, spec.service, python, spec.version, None)
    with tempfile.TemporaryDirectory(dir=folder) as building:
        made = source.wheel(spec.path, PACKAGES[spec.service], python, Path(building))
        name = _name(spec, base, python, f"local.{made.sha256[:8]}")
        kept = folder / stacks.WHEELS / name / made.file.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        made.file.replace(kept)
    return _Wanted(name, base, spec.service, python, made.version, replace(made, file=kept))


def _name(spec: Spec, base: Stack, python: str, version: str | None = None) -> str:
    """``sqlalchemy-2.0.44-py3.13``; unlike any shipped stack, and the same for the same stack."""
    parts = [spec.service, version or spec.version, f"py{python}"]
    framework = spec.settings.get("framework")
    name = "-".join(str(part) for part in [*parts, framework] if part)
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(f"{name} {base.name}".encode()).hexdigest()[:8]
        name = f"{name[: _LONGEST_NAME - len(digest) - 1]}-{digest}"
    return name


def _lock(wanted: _Wanted, folder: Path, shipped: Mapping[str, Stack]) -> list[str]:
    """Write request, lock and definition of a stack; returns what a reader must know of it."""
    requested, pinned = folder / f"{wanted.name}.in", folder / f"{wanted.name}.txt"
    requested.write_text("".join(f"{line}\n" for line in _requests(wanted)), encoding="utf-8")
    # uv keeps the versions of an existing lock as far as the requests allow.
    pinned.write_text(wanted.base.text(), encoding="utf-8")
    day = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _compile(wanted, requested, pinned, day)
    pins = locks.read(pinned)
    if wanted.wheel:
        # The registry may have files of this version, too: only this one may be installed.
        hashed = f"{wanted.package}=={wanted.version} --hash=sha256:{wanted.wheel.sha256}\n"
        lines = {name: pin.lines for name, pin in pins.items()} | {wanted.package: hashed}
        pinned.write_text("".join(lines.values()), encoding="utf-8")
    compiled, notes = _compiled(wanted, pins, shipped)
    with (folder / "stacks.toml").open("a", encoding="utf-8") as defined:
        defined.write(_definition(wanted, day, compiled))
    return notes


def _requests(wanted: _Wanted) -> list[str]:
    """The lines of the base's requests that the service needs, its own package pinned."""
    others = set(PACKAGES.values()) - {_DRIVER, wanted.package}
    kept: dict[str, str] = {}
    chain = [wanted.base.base, wanted.base] if wanted.base.base else [wanted.base]
    for stack in chain:
        for line in stack.wanted.read_text(encoding="utf-8").splitlines():
            named = re.match(locks.NAME, line)
            if named and locks.normalise(named[0]) not in others:
                kept[locks.normalise(named[0])] = line
    if wanted.version:
        bare = re.split(r"[<>=!~;]", kept[wanted.package])[0].strip()
        kept[wanted.package] = f"{bare}=={wanted.version}"
    return list(kept.values())


def _compile(wanted: _Wanted, requested: Path, pinned: Path, day: str) -> None:
    """Resolve the requests to a lock of wheels."""
    how = ["--only-binary", ":all:", "--python-version", wanted.python]
    # A wheel on the disk has no day of its upload, which uv takes for too late.
    how += [] if wanted.wheel else ["--exclude-newer", day]
    own = {"UV_CACHE_DIR": str(checkout.UV_CACHE)}
    if wanted.wheel:
        places = [str(wanted.wheel.file.parent), environment("installer").get("UV_FIND_LINKS", "")]
        own["UV_FIND_LINKS"] = ",".join(filter(None, places))
    ended = subprocess.run(
        [checkout.UV, *locking.COMPILE, *how, "--output-file", pinned, requested],
        env=environment("installer", own),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 0:
        return
    if trouble := reasons.host_trouble(ended.returncode, ended.stderr):
        raise ProvisioningError(
            "stack-lock",
            f"the stack {wanted.name} could not be locked: {trouble}",
            where=wanted.name,
            hint="a lock needs the package registry, or uv's cache",
        )
    raise UsageError(
        "stack-unlockable",
        f"the stack {wanted.name} cannot be locked: {_cause(ended.stderr)}",
        where=wanted.name,
        hint=_versions(wanted),
    )


def _cause(said: str) -> str:
    """The reason that uv gives, in one line."""
    found = _CAUSE.search(said)
    text = " ".join((found["cause"] if found else reasons.why(said)).split())
    return f"{text[:_LONGEST_REASON]} ..." if len(text) > _LONGEST_REASON else text


def _versions(wanted: _Wanted) -> str:
    """The versions of the package that there are, those of the same series first."""
    other = "only wheels are installed; --python chooses another interpreter"
    ended = subprocess.run(
        [checkout.UV.with_name("python"), "-m", "pip", "index", "versions", wanted.package],
        env=environment("installer"),
        capture_output=True,
        text=True,
        check=False,
    )
    found = _VERSIONS.search(ended.stdout)
    if found is None:
        return other
    known = found["versions"].split(", ")
    series = _series(wanted.version or "")
    same = [each for each in known if _series(each) == series]
    shown = (same or known)[:_MOST_VERSIONS]
    return f"{wanted.package} has {', '.join(shown)} and {len(known) - len(shown)} others; {other}"


def _compiled(
    wanted: _Wanted, pins: Mapping[str, Pin], shipped: Mapping[str, Stack]
) -> tuple[dict[str, list[str]], list[str]]:
    """The modules that must be compiled, by package, and the packages of which nobody knows."""
    known: dict[str, dict[str, tuple[str, ...]]] = {}
    for stack in shipped.values():
        its = stack.pins()
        for package, modules in stack.compiled.items():
            if package in its and package not in stack.pure:
                known.setdefault(package, {}).setdefault(its[package].version, modules)
    compiled, notes = {}, []
    for package, modules_of in known.items():
        if package not in pins:
            continue
        if wanted.wheel and package == wanted.package:
            there = wanted.wheel.extensions.intersection(*[set().union(*modules_of.values())])
            compiled[package] = sorted(there)
            if not there:
                notes.append(f"the local {package} has no compiled modules that the lab knows")
            continue
        version = pins[package].version
        alike = [each for each in modules_of if _series(each) == _series(version)]
        if version in modules_of or alike:
            compiled[package] = list(modules_of[version if version in modules_of else alike[-1]])
        else:
            notes.append(f"whether {package} {version} runs its compiled modules is not checked")
    if wheel := wanted.wheel:
        notes.append(
            f"{wanted.package} {wheel.version} is {wheel.file.name}, made from {wheel.origin}; "
            "its bytes are among the locks"
        )
    return compiled, notes


def _series(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])


def _definition(wanted: _Wanted, day: str, compiled: Mapping[str, list[str]]) -> str:
    """The tables of a stack in stacks.toml; JSON's strings and lists of ASCII are TOML's, too."""
    name, what = json.dumps(wanted.name), wanted.version or "as in the stack"
    keys = {
        "title": f"{wanted.package} {what}, CPython {wanted.python}, else {wanted.base.name}",
        "python": wanted.python,
        "exclude_newer": day,
        "extensions": wanted.name,
        "expect": "works",
    }
    lines = [f"\n[stacks.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    lines += [f"\n[extensions.{name}]"]
    lines += [f"{package} = {json.dumps(modules)}" for package, modules in compiled.items()]
    return "\n".join([*lines, ""])
