"""Tells subjects of one name apart by their folders, as in ``base/mylib`` and ``head/mylib``."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ormlab.plan import services
from workloads.services import manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ormlab.compare.spec import Spec
    from workloads.services.manifest import Service

_ODD: Final = re.compile(r"[^a-z0-9]+")


def part(path: Path, among: Iterable[Path]) -> str:
    """The first part of a path that not all of some paths have there; empty if there is none."""
    common = os.path.commonpath([_whole(each) for each in among])
    return next(iter(_whole(path).relative_to(common).parts), "")


def renamed(specs: Sequence[Spec], into: Path) -> tuple[tuple[Spec, ...], tuple[str, ...]]:
    """Give services of one name in several folders a name each, from copies of the folders.

    A folder's name is that of the package which its modules import, so one run can have it once.
    In a copy only that name differs: ``mylib`` becomes ``mylib_base`` and ``mylib_head``.

    Args:
        specs: the subjects.
        into: folder to make for the copies, if there are any.

    Returns:
        The subjects, and what a reader must know of the copies, in sentences. Services to which
        their folders give no other name stay as they are.

    Raises:
        PlanError: a file of such a folder can be neither shipped nor kept in a bundle.
    """
    folders: dict[str, list[Path]] = {}
    for spec in specs:
        place, known = spec.service.folder.resolve(), folders.setdefault(spec.service.name, [])
        if place not in known:
            known.append(place)
    made: dict[Path, Service] = {}
    notes = []
    for name, several in folders.items():
        names = [_name(name, place, several) for place in several]
        if len(several) == 1 or len({*names}) < len(names):
            continue
        for place, own in zip(several, names, strict=True):
            made[place] = _copied(manifest.read(place), into / own)
            notes.append(f"{own} is a folder {name}, of which only the name was changed")
    kept = (made.get(spec.service.folder.resolve(), spec.service) for spec in specs)
    return tuple(
        replace(spec, service=service) for spec, service in zip(specs, kept, strict=True)
    ), tuple(notes)


def _whole(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))


def _name(name: str, place: Path, among: Sequence[Path]) -> str:
    """The service's name and the part of its path that tells it apart; the name alone without."""
    told = f"{name}_{_ODD.sub('_', part(place, among).lower()).strip('_')}"
    return told if manifest.NAME.fullmatch(told) else name


def _copied(service: Service, folder: Path) -> Service:
    package = re.compile(rf"\bworkloads\.services\.{service.name}\b".encode())
    own = f"workloads.services.{folder.name}".encode()
    for path, data in services.files(service).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(package.sub(own, data))
    return manifest.read(folder)
