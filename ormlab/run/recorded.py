"""The inputs that a bundle recorded: its plan, resolved again, and its stacks, laid out again.

All of it is read as a stranger's. Reading follows no link out of the bundle. Writing goes into one
new folder, under names that the type of a stack allows. A lock may hold pinned packages and hashes
only.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bundle import names, strict_toml, typed
from bundle.documents.host import Source
from bundle.documents.plan import SealedPlan
from bundle.documents.services import ServiceRecord
from bundle.errors import RecordError
from bundle.tree import read_small
from ormlab.base import checkout
from ormlab.base.errors import UsageError
from ormlab.plan import resolve, services
from workloads import stacks
from workloads.services import manifest
from workloads.stacks import locks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from ormlab.plan import ResolvedPlan
    from workloads.services.manifest import Service
    from workloads.stacks import Stack

LOCKS: Final = "inputs/locks"
SERVICES: Final = "inputs/services"
USE_ITS_VERSION: Final = "use the version that made it: inputs/source.json names it"
_DEFINED: Final = "stacks.toml"
_LARGEST_WHEEL: Final = 256 * 2**20  # bytes; an ORM's has 5 MB at most


@dataclass(frozen=True)
class LockFile:
    """A file of a bundle that decides what runs, or a service, compared with the checkout's.

    Of ``stacks.toml`` only the definitions of the stacks in use are compared. That of a stack which
    a service brings is in the service's folder, and so compared with it.
    """

    name: str  #: of the file in ``inputs/locks``; ``services/NAME`` for a service
    compared: Literal["same", "other", "none"]  #: ``none`` if the checkout has none of that name


def plan(bundle: Path) -> SealedPlan:
    """The plan that a bundle recorded.

    Raises:
        UsageError: it is not there, or cannot be read.
    """
    try:
        return typed.read_plan(bundle)
    except FileNotFoundError:
        raise UsageError(
            "nothing-recorded",
            "the run ended before it had written its plan, so nothing was measured",
            where=str(bundle),
            hint="remove the folder, and run the plan again",
        ) from None
    except (OSError, RecordError) as problem:
        raise _unreadable(bundle, problem) from None


def resolve_again(
    bundle: Path, stacks_folder: Path, known: Mapping[str, Service] | None = None
) -> ResolvedPlan:
    """Resolve the plan of a bundle, sealed or not, with this version of the lab.

    ``known`` are the services that have names; None for the lab's own.

    Raises:
        UsageError: the plan cannot be read, or cannot be resolved here.
    """
    sealed = plan(bundle)
    try:
        return resolve(
            sealed.plan,
            omitted_loads=sealed.omitted_loads,
            stacks_folder=stacks_folder,
            known=known,
        )
    except UsageError:
        raise
    except (ValueError, LookupError, TypeError) as problem:
        raise _unreadable(bundle, problem) from None


def source(bundle: Path) -> Source:
    """The source that a bundle names as the one that measured it.

    Raises:
        UsageError: it names none.
    """
    try:
        return typed.read(bundle, Source)
    except (OSError, RecordError) as problem:
        raise UsageError(
            "source-unreadable",
            f"the bundle does not name the source that measured it: "
            f"{names.printable(str(problem))}",
            where=str(bundle / Source.PATH),
            hint="a bundle that reaches L2 names it",
        ) from None


def lay_out_services(bundle: Path, into: Path) -> dict[str, Service] | None:
    """The services of a bundle's plan: the lab's own where they are the same, else its copies.

    Args:
        bundle: sealed or not.
        into: folder to make, for the copies.

    Returns:
        Them by name; None for a bundle from before services were kept, which has the lab's own.

    Raises:
        UsageError: the plan or a copy cannot be read, or a copy is not that of a service.
    """
    named = plan(bundle).services
    if not named:
        return None
    ours, found = manifest.shipped(), {}
    try:
        for name, digest in named.items():
            own = ours.get(name)
            if own and services.digest(services.files(own)) == digest:
                found[name] = own
                continue
            for path in typed.read(bundle, ServiceRecord, service=name).files:
                services.require_path(path)
                place = into / name / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(read_small(bundle / SERVICES / name / path, limit=locks.LARGEST))
            found[name] = manifest.read(into / name)
    except (OSError, ValueError, RecordError) as problem:
        raise UsageError(
            "services-refused",
            f"the services that it kept cannot be used: {names.printable(str(problem))}",
            where=str(bundle / SERVICES),
            hint="a bundle that reaches L1 and was made by this lab has them",
        ) from None
    return found


def lay_out(bundle: Path, into: Path, known: Mapping[str, Service] | None = None) -> Path:
    """Lay out the stacks of a bundle's plan with the bundle's locks instead of the checkout's.

    Stacks that a service brings stay in its folder; ``known`` are the plan's services.

    Older bundles lack what the stacks request (``<stack>.in``), which is then taken from the
    checkout; the digest of a stack tells whether that makes the same stack.

    Raises:
        UsageError: the plan cannot be read, the bundle lacks a lock, or one holds more than a lock
            may.
    """
    used = plan(bundle).stacks
    shutil.copytree(checkout.STACKS, into, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    try:
        defined_there = _read(bundle, _DEFINED)
        strict_toml.load(defined_there)  # bounds what reading the stacks may cost
        _write(into, _DEFINED, defined_there)
        # A stack whose `.in` file is gone requests nothing here; if the plan uses it, its digest
        # differs. Names are read, and so checked, before any becomes part of a path.
        defined = stacks.load(into, (), lost_asks_nothing=True)
        for stack in defined.values():
            if (bundle / LOCKS / stack.wanted.name).exists():
                _write(into, stack.wanted.name, _read(bundle, stack.wanted.name))
            elif stack.base is None and not stack.wanted.exists():
                _write(into, stack.wanted.name, b"")
        defined = stacks.load(into, known.values() if known else None)
        for name in used:
            _lay_out_wheels(bundle, into, defined[name])
        for file in _files([defined[name] for name in used]):
            _write(into, file.relative_to(into).as_posix(), _read(bundle, file.name))
            locks.read(file)
    except (OSError, ValueError, LookupError) as problem:
        raise UsageError(
            "locks-missing" if isinstance(problem, OSError | LookupError) else "locks-refused",
            f"the locks of its stacks cannot be used: {names.printable(str(problem))}",
            where=str(bundle / LOCKS),
            hint="a bundle that reaches L1 and was made by this lab has them",
        ) from None
    return into


def names_its_own(bundle: Path) -> bool:
    """Whether the plan of a bundle uses a stack or a service that this checkout does not have.

    Raises:
        UsageError: the plan cannot be read.
    """
    sealed = plan(bundle)
    has_stacks = sealed.stacks.keys() <= stacks.load().keys()
    return not (has_stacks and sealed.services.keys() <= manifest.shipped().keys())


def compare(folder: Path, used: Iterable[Stack]) -> tuple[LockFile, ...]:
    """Compare the locks of some stacks that `lay_out` put into a folder with the checkout's."""
    chosen = list(used)
    ours = stacks.load()
    is_same = all(
        stack.name in ours and _definition(stack) == _definition(ours[stack.name])
        for stack in map(_in_stacks_toml, chosen)
    )
    defined = LockFile(_DEFINED, "same" if is_same else "other")
    wheels = sorted({wheel for stack in chosen for wheel in stack.wheels})
    return (defined, *(_compared(file, folder) for file in [*_files(chosen), *wheels]))


def compare_services(used: Iterable[Service]) -> tuple[LockFile, ...]:
    """Compare the services that `lay_out_services` gave with the checkout's."""
    ours = manifest.shipped()
    return tuple(
        LockFile(
            f"services/{each.name}",
            "same" if each.is_shipped else "other" if each.name in ours else "none",
        )
        for each in used
    )


def _in_stacks_toml(stack: Stack) -> Stack:
    """The stack itself, or the one that a service's stands on."""
    while stack.of_service and stack.base:
        stack = stack.base
    return stack


def _definition(stack: Stack) -> tuple[object, ...]:
    """What decides what is made of a lock; titles and notes do not."""
    return stack.python, stack.build, stack.no_binary, stack.pure, stack.compiled, stack.imports


def _compared(file: Path, folder: Path) -> LockFile:
    ours = checkout.STACKS / file.relative_to(folder)
    if not ours.is_file():
        return LockFile(file.name, "none")
    same = file.read_bytes() == ours.read_bytes()
    return LockFile(file.name, "same" if same else "other")


def _files(used: Collection[Stack]) -> list[Path]:
    """The files of their pins and build tools; those that a service brings lie with the service."""
    found = {file for stack in used for file in stack.files}
    own = {stack.folder for stack in used if stack.of_service}
    return sorted(file for file in found if file.parent not in own)


def _lay_out_wheels(bundle: Path, into: Path, stack: Stack) -> None:
    """Copy the wheels that the lock of a stack names and no registry has."""
    there = bundle / LOCKS / stacks.WHEELS / stack.name
    for wheel in sorted(there.glob("*.whl")):
        name = f"{stacks.WHEELS}/{stack.name}/{wheel.name}"
        data = read_small(bundle / LOCKS / name, limit=_LARGEST_WHEEL)
        (into / stacks.WHEELS).mkdir(exist_ok=True)
        (into / stacks.WHEELS / stack.name).mkdir(exist_ok=True)
        _write(into, name, data)


def _read(bundle: Path, name: str) -> bytes:
    return read_small(bundle / LOCKS / name, limit=locks.LARGEST)


def _write(folder: Path, name: str, data: bytes) -> None:
    """Write a file below a folder, in place of the one that is there; no link is followed."""
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in name.split("/")[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
            os.close(top)
            top = below
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        file = os.open(name.rpartition("/")[2], flags, 0o644, dir_fd=top)
        with os.fdopen(file, "wb") as out:
            out.write(data)
    finally:
        os.close(top)


def _unreadable(bundle: Path, problem: Exception) -> UsageError:
    return UsageError(
        "plan-unreadable",
        f"this version cannot read its plan: {str(problem).splitlines()[0]}",
        where=str(bundle / SealedPlan.PATH),
        hint=USE_ITS_VERSION,
    )
