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
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bundle.display import quantity
from bundle.meant import meant
from host.environment import environment
from ormlab.base import checkout, scratch, unlockable
from ormlab.base.errors import UsageError
from ormlab.compare import apart, source
from workloads import stacks
from workloads.services import manifest
from workloads.stacks import lock as locking
from workloads.stacks import locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ormlab.compare.source import Wheel
    from ormlab.compare.spec import Spec
    from workloads.services.manifest import Service
    from workloads.stacks import Stack
    from workloads.stacks.locks import Pin

_OF_FRAMEWORK: Final = {"fastapi": "fastapi-current"}  # others run on the service's own stack
_PYTHON: Final = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,2})?")
_MOST_VERSIONS: Final = 8
_LONGEST_NAME: Final = 40  # of a stack
_VERSIONS: Final = re.compile(r"^Available versions: (?P<versions>.+)$", re.MULTILINE)


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
    service: Service
    python: str
    version: str | None  #: of the service's package; None for the base's
    wheel: Wheel | None  #: that the package comes from; None for the registry

    @property
    def package(self) -> str:
        """The package of its service."""
        return self.service.manifest.package


@contextmanager
def prepared(
    specs: tuple[Spec, ...], python: str | None
) -> Iterator[tuple[tuple[Spec, ...], Locked]]:
    """The subjects with names of their own, and their stacks; the copies are there meanwhile.

    Args:
        specs: the subjects.
        python: as in `lock`.

    Raises:
        UsageError: as in `lock`.
        PlanError: as in `apart.renamed`.
        ProvisioningError: as in `lock`.
    """
    with scratch.folder() as folder:
        named, notes = apart.renamed(specs, folder / "services")
        locked = lock(named, python, folder / "stacks")
        yield named, replace(locked, notes=(*notes, *locked.notes))


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
    _require_python(python)
    shipped = _shipped(specs)
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


def interpreter(spec: Spec, python: str | None) -> str:
    """The version of CPython that the stack of a subject is locked for; errors as of `lock`."""
    _require_python(python)
    return (python or _base(spec, python, _shipped([spec])).python).partition("+")[0]


def _require_python(python: str | None) -> None:
    if python is not None and not _PYTHON.fullmatch(python):
        raise UsageError(
            "python-invalid",
            f"{python!r} is no version of CPython",
            where="--python",
            hint="write it as in 3.12 or 3.13.1",
        )


def _shipped(specs: Sequence[Spec]) -> dict[str, Stack]:
    """The stacks of the lab, and those that the services of the subjects bring."""
    services = {spec.service.name: spec.service for spec in specs}
    return stacks.load(checkout.STACKS, (manifest.shipped() | services).values())


def _base(spec: Spec, python: str | None, shipped: Mapping[str, Stack]) -> Stack:
    """The shipped stack of a subject, or the one that its own is like."""
    framework = str(spec.settings.get("framework", ""))
    name = spec.stack or _OF_FRAMEWORK.get(framework, spec.service.stack)
    if name not in shipped:
        raise UsageError(
            "stack-unknown",
            f"there is no stack {name!r}",
            where=str(spec),
            hint=f"{meant(name, shipped, '{} ')}the stacks are {', '.join(shipped)}",
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
        made = source.wheel(spec.path, spec.service.manifest.package, python, Path(building))
        name = _name(spec, base, python, f"local.{made.sha256[:8]}")
        kept = folder / stacks.WHEELS / name / made.file.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        made.file.replace(kept)
    return _Wanted(name, base, spec.service, python, made.version, replace(made, file=kept))


def _name(spec: Spec, base: Stack, python: str, version: str | None = None) -> str:
    """``sqlalchemy-2.0.44-py3.13``; unlike any shipped stack, and the same for the same stack."""
    parts = [spec.service.name, version or spec.version, f"py{python}"]
    framework = spec.settings.get("framework")
    # A service's name may have a _, and a stack's may not.
    name = "-".join(str(part) for part in [*parts, framework] if part).replace("_", "-")
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
    defined = folder / "stacks.toml"
    text = _with_imports(defined.read_text(encoding="utf-8"), wanted.base.imports)
    defined.write_text(text + _definition(wanted, day, compiled), encoding="utf-8")
    return notes


def _with_imports(text: str, imports: Mapping[str, str]) -> str:
    """The definitions of stacks with the imports, too, of packages that a service brings."""
    known = tomllib.loads(text)["imports"]
    new = (f"{name} = {json.dumps(imports[name])}\n" for name in imports if name not in known)
    return text.replace("[imports]\n", f"[imports]\n{''.join(new)}", 1)


def _requests(wanted: _Wanted) -> list[str]:
    """The lines of the base's requests that the service needs, its own package pinned."""
    known = [each.manifest.packages for each in manifest.shipped().values()]
    others = {name for each in known for name in each} - wanted.service.manifest.packages.keys()
    kept: dict[str, str] = {}
    for file in wanted.base.requested:
        for line in file.read_text(encoding="utf-8").splitlines():
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
    links = (str(wanted.wheel.file.parent),) if wanted.wheel else ()
    try:
        locking.Resolver(checkout.UV, checkout.UV_CACHE, links).compile(requested, pinned, *how)
    except subprocess.CalledProcessError as failed:
        raise unlockable.refusal(
            f"the stack {wanted.name}", failed, where=wanted.name, hint=lambda: _versions(wanted)
        ) from None


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
    more = len(known) - len(shown)
    left = f" and {quantity(more, 'other')}" if more else ""
    return f"{wanted.package} has {', '.join(shown)}{left}; {other}"


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
