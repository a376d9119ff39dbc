"""Makes the folder of a new service, which keeps the contract before anything is written in it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bundle.meant import meant
from ormlab.base.errors import UsageError
from ormlab.plan import services
from workloads.services import manifest

if TYPE_CHECKING:
    from workloads.services.manifest import Service

_REPLACED: Final = (manifest.MANIFEST, "stack.in", "stack.txt")


def create(folder: Path, *, package: str | None, like: str | None) -> Service:
    """Make a folder with the code of one of the lab's services under a name of its own.

    Args:
        folder: to make; its last part becomes the name of the service.
        package: the package that the new service is about; None for that of the copied one.
        like: the service to copy; None for the first that writes its SQL itself, to PostgreSQL.

    Raises:
        UsageError: the folder is there, its name cannot be that of a service, or there is no
            service or package of such a name.
    """
    name, known = folder.resolve().name, manifest.shipped()
    if not manifest.NAME.fullmatch(name) or name in known:
        raise UsageError(
            "service-name",
            f"the lab has a service {name!r} of its own"
            if name in known
            else f"{name!r} cannot be the name of a service",
            where=str(folder),
            hint="the folder's name becomes a Python package: small letters, digits and _, a "
            "letter first, 30 characters at most",
        )
    if package is not None and not manifest.PACKAGE.fullmatch(package):
        raise UsageError(
            "package-invalid",
            f"{package!r} is no name of a package",
            where="--package",
            hint="write it as the registry does, in small letters with -, without a version",
        )
    origin = like or next(
        each.name for each in known.values() if each.manifest.kind == "driver" and each.drivers()
    )
    if origin not in known:
        raise UsageError(
            "service-unknown",
            f"there is no service {origin!r}",
            where="--like",
            hint=f"{meant(origin, known, '{} ')}the services are {', '.join(known)}",
        )
    if os.path.lexists(folder):
        raise UsageError(
            "folder-there",
            "the folder is there already, and nothing in it was changed",
            where=str(folder),
            hint="name another folder, or remove this one",
        )
    _write(folder, _contents(known[origin], name, package))
    return manifest.read(folder)


def _contents(origin: Service, name: str, package: str | None) -> dict[str, str]:
    """The files of the new folder."""
    code, own = f"workloads.services.{origin.name}", f"workloads.services.{name}"
    copied = {
        path: data.decode().replace(code, own)
        for path, data in services.files(origin).items()
        if path not in _REPLACED and not path.startswith(f"{manifest.MIGRATIONS}/")
    }
    asked = ""
    if origin.has_own_stack:
        asked = (origin.folder / "stack.in").read_text(encoding="utf-8")
    if package:
        asked += f"{package}\n"
    made = {manifest.MANIFEST: _manifest(origin, name, package)}
    return copied | made | ({"stack.in": asked} if asked else {})


def _manifest(origin: Service, name: str, package: str | None) -> str:
    like = origin.manifest
    packages = {
        each: [
            *([f'module = "{about.module}"'] if about.module else []),
            *([f"compiled = {_listed(about.compiled)}"] if about.compiled else []),
        ]
        for each, about in like.packages.items()
    }
    if package:
        packages.setdefault(package, [f'module = "{package.replace("-", "_")}"'])
    database, drivers = next(iter(like.databases.items()))
    tables = ("\n".join([f"[packages.{each}]", *lines, ""]) for each, lines in packages.items())
    return "\n".join(
        [
            f"# The service {name}: docs/subjects.md describes every key.",
            'schema = "service/1"',
            f'title = "{name}"',
            "# driver: the service writes its SQL itself; orm: a package writes it.",
            f'kind = "{"orm" if package else like.kind}"',
            "# The package that it is about: `NAME@VERSION` of a comparison pins this one.",
            f'package = "{package or like.package}"',
            "# By database, the packages of the drivers that it can use there, its default first.",
            f"databases = {{{database} = {_listed(drivers)}}}",
            "# The stack that it runs on; with a stack.in beside this file, the one that its own",
            "# stack stands on.",
            f'stack = "{like.stack}"',
            "",
            "# What /health reports: versions of packages, and modules that run as compiled code.",
            *tables,
        ]
    )


def _listed(values: list[str]) -> str:
    return f"[{', '.join(f'"{value}"' for value in values)}]"


def _write(folder: Path, contents: dict[str, str]) -> None:
    """Write all files and give the folder its name at the end, so that there is no half of one."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as made:
            ready = Path(made) / folder.name
            for path, text in contents.items():
                place = ready / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")
            ready.rename(folder)
    except OSError as problem:
        raise UsageError(
            "folder-unwritable",
            f"the folder cannot be made: {(problem.strerror or str(problem)).lower()}",
            where=str(folder),
            hint="name a folder that you may write to",
        ) from None
