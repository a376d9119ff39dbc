"""The services and applications that a plan's subjects name: the lab's own, and outside folders."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bundle import credentials
from bundle.documents.plan import POSTGRESQL
from bundle.documents.services import ServiceRecord
from bundle.meant import meant
from ormlab.base import checkout, source
from ormlab.base.errors import PlanError
from ormlab.plan import applications, refs
from workloads.databases import known as databases
from workloads.services import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bundle.documents.plan import Plan
    from bundle.documents.subject import Option, Subject
    from ormlab.base.yaml_input import Wrong
    from workloads.services.manifest import Service

_MOST_FILES: Final = 500
_LARGEST: Final = 8 * 2**20  # bytes of a folder; those of the lab have 20 KB
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_LEFT_OUT: Final = ("__pycache__",)


def problems(plan: Plan) -> Iterator[Wrong]:
    """What is wrong with the services that a plan names: each part, and why."""
    known = manifest.shipped()
    for name, subject in plan.subjects.items():
        if "/" not in subject.service and subject.service not in known:
            near = meant(subject.service, known, "; {}")
            what = f"there is no service {subject.service!r}{near}; the services are "
            yield ("subjects", name, "service"), f"{what}{', '.join(known)}, or a folder's path"


def has_applications(plan: Plan, folder: Path) -> bool:
    """Whether a subject of a plan, as it was written in a folder, is an application."""
    paths = (each.service for each in plan.subjects.values() if "/" in each.service)
    named = any((folder / path / manifest.APPLICATION).exists() for path in paths)
    return named or any(each.ref is not None for each in plan.subjects.values())


def located(plan: Plan, folder: Path) -> Plan:
    """A plan as it was written in a folder: paths of services made absolute, their stacks named.

    Raises:
        PlanError: a folder is not that of a service.
    """
    known = manifest.shipped()
    return plan.model_copy(
        update={
            "subjects": {
                name: _located(name, subject, folder, known)
                for name, subject in plan.subjects.items()
            }
        }
    )


def _located(name: str, subject: Subject, folder: Path, known: Mapping[str, Service]) -> Subject:
    changes: dict[str, str] = {}
    if subject.ref is not None and "/" not in subject.service:
        raise PlanError(
            "ref-invalid",
            f"{subject.service} is no folder of a repository",
            where=f"subjects.{name}.ref",
            hint="only an application that is named by its path has refs",
        )
    if "/" in subject.service:
        path = (folder / subject.service).resolve()
        if subject.ref is not None:
            found = refs.checked_out(path, subject.ref, where=f"subjects.{name}.ref")
            path, changes = found.folder, {"ref": found.commit}
        service = outside(path, where=f"subjects.{name}.service")
        if subject.ref is not None and not service.is_application:
            raise PlanError(
                "ref-invalid",
                f"{subject.service} is a service, whose name is that of its package",
                where=f"subjects.{name}.ref",
                hint="only applications have refs: name two checkouts of it instead",
            )
        changes["service"] = str(path)
    else:
        service = known[subject.service]
    if "stack" not in subject.model_fields_set:
        changes["stack"] = service.stack
    return subject.model_copy(update=changes)


def outside(folder: Path, *, where: str) -> Service:
    """The service of a folder outside of the lab.

    Raises:
        PlanError: it is none, or has the name of one of the lab's own.
    """
    try:
        service = manifest.read(folder)
    except (OSError, ValueError) as wrong:  # ManifestError, and what is no path
        raise PlanError(
            "service-invalid",
            f"the folder holds no service: {wrong}",
            where=where,
            hint="`ormlab subject new FOLDER` makes one; docs/subjects.md describes its files, "
            "docs/applications.md those of an application",
        ) from None
    if service.name in manifest.shipped() and not service.is_shipped:
        raise PlanError(
            "service-name",
            f"the lab has a service {service.name!r} of its own",
            where=where,
            hint="rename the folder: its name is that of the service",
        )
    return service


def used(plan: Plan, known: Mapping[str, Service] | None) -> tuple[Plan, dict[str, Service]]:
    """A plan whose subjects name services alone, and these services, by name.

    With them are those that bring a stack on which a subject of another service runs.

    Args:
        plan: whose subjects name services, or absolute paths of their folders.
        known: the services that have names; None for the lab's own.

    Raises:
        PlanError: a service is not there, or two folders have one name.
    """
    known = manifest.shipped() if known is None else known
    found: dict[str, Service] = {}
    subjects: dict[str, Subject] = {}
    for name, subject in plan.subjects.items():
        where = f"{plan.name}: subjects.{name}.service"
        if "/" in subject.service:
            service = outside(Path(subject.service), where=where)
        elif subject.service in known:
            service = known[subject.service]
        else:
            raise PlanError(
                "service-unknown",
                f"there is no service {subject.service!r}",
                where=where,
                hint=f"the services are {', '.join(known)}, or the path of a folder",
            )
        if found.setdefault(service.name, service).folder != service.folder:
            raise PlanError(
                "service-name",
                f"two folders have the name {service.name!r}",
                where=where,
                hint="rename one of them: a folder's name is that of its service",
            )
        for operation, reason in service.manifest.cannot.items():
            for workload, meant_ in plan.workloads.items():
                if any(operation in (each.operation, each.loading) for each in meant_.operations):
                    raise PlanError(
                        "service-cannot",
                        f"{service.name} cannot do {operation!r}, which the workload {workload} "
                        f"asks for: {reason}",
                        where=where,
                        hint="leave the subject or the operation out",
                    )
        if subject.migrations is not None and plan.database_of(subject) != POSTGRESQL:
            raise PlanError(
                "plan-database",
                "schemas that tools make are compared on PostgreSQL alone",
                where=f"{plan.name}: subjects.{name}.migrations",
                hint="take the key away",
            )
        tools = service.manifest.migrations
        if subject.migrations is not None and subject.migrations not in tools:
            raise PlanError(
                "service-migrations",
                f"{service.name} has no migrations by {subject.migrations!r}",
                where=f"{plan.name}: subjects.{name}.migrations",
                hint=f"its manifest names {', '.join(tools)}"
                if tools
                else "its manifest names no tool",
            )
        subjects[name] = subject.model_copy(
            update={
                "service": service.name,
                "options": _driven(plan.database_of(subject), service, subject, where),
            }
        )
    stacks = {subject.stack for subject in plan.subjects.values()}
    bringing = {name: own for name, own in known.items() if own.has_own_stack and name in stacks}
    plan = plan.model_copy(update={"subjects": subjects})
    application = applications.described(plan, found)
    return plan.model_copy(update={"application": application}), bringing | found


def _driven(database: str, service: Service, subject: Subject, where: str) -> dict[str, Option]:
    """The options of a subject, with a driver to its database.

    Raises:
        PlanError: there is no such database, or the service or its driver cannot use it.
    """
    known, hint = databases.kinds(), "docs/databases.md says what each database needs"
    drivers = ("",) if service.is_application else service.drivers(database)
    if database not in known:
        what = f"there is no database {database!r}{meant(database, known, '; {}')}"
    elif service.is_application and database != POSTGRESQL:
        what = "applications are measured on PostgreSQL alone"
    elif not drivers:
        what = f"{service.name} cannot use {database}"
        hint = f"its manifest names {', '.join(service.manifest.databases)}"
    elif (chosen := subject.options.get("driver")) in service.every_driver and (
        chosen not in drivers
    ):
        what = f"{chosen} is no driver to {database}"
        hint = f"for {database} the manifest of {service.name} names {', '.join(drivers)}"
    elif drivers[0] in (service.every_driver or drivers)[:1] or chosen is not None:
        return subject.options
    else:
        return {"driver": drivers[0], **subject.options}
    raise PlanError("plan-database", what, where=where, hint=hint)


def files(service: Service) -> dict[str, bytes]:
    """The files of a service's folder by their paths in it: what is shipped, and what is kept.

    Of the lab's own services these are the files that git tracks or would take; of others all but
    Python's caches and hidden files.

    Raises:
        PlanError: the folder is too large, or a file can be neither shipped nor kept.
    """
    if service.is_shipped:
        within = service.folder.resolve().relative_to(checkout.ROOT)
        listed = source.listed(checkout.ROOT, str(within))
        paths = [Path(each).relative_to(within) for each in listed]
    else:
        paths = [path.relative_to(service.folder) for path in service.folder.rglob("*")]
        paths = [each for each in paths if not _is_left_out(each)]
    kept: dict[str, bytes] = {}
    for path in sorted(paths):
        place = service.folder / path
        if place.is_symlink():
            raise _unkept(place, "is a symbolic link", "put the file itself there")
        if place.is_dir():
            continue
        try:
            require_path(path.as_posix())
        except ValueError as wrong:
            raise _unkept(place, str(wrong), "use letters, digits, dots, - and _") from None
        kept[path.as_posix()] = _content(place)
        if len(kept) > _MOST_FILES or sum(map(len, kept.values())) > _LARGEST:
            raise PlanError(
                "service-large",
                f"the folder of the service {service.name} holds more than {_MOST_FILES} files, or "
                f"more than {_LARGEST >> 20} MiB",
                where=str(service.folder),
                hint="a bundle keeps all of it: move what the service does not need elsewhere",
            )
    return kept


def require_path(path: str) -> None:
    """Raise ValueError for the path of a file, in a service's folder, that no bundle can have."""
    if not all(_PART.fullmatch(part) for part in path.split("/")):
        raise ValueError("has a name that a bundle cannot have")


def digest(kept: Mapping[str, bytes]) -> str:
    """SHA-256 of a folder: of its files as ``sha256sum`` lists them, by path."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in sorted(kept.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def record(service: Service, kept: Mapping[str, bytes]) -> ServiceRecord:
    """A service as a bundle records it."""
    manifest_ = service.manifest
    return ServiceRecord(
        schema="service/1",
        service=service.name,
        title=manifest_.title,
        kind=manifest_.kind,
        package=manifest_.package,
        databases={name: tuple(drivers) for name, drivers in manifest_.databases.items()},
        files={path: hashlib.sha256(data).hexdigest() for path, data in kept.items()},
    )


def _is_left_out(path: Path) -> bool:
    return any(part.startswith(".") or part in _LEFT_OUT for part in path.parts)


def _content(place: Path) -> bytes:
    try:
        data = place.read_bytes()
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise _unkept(place, f"cannot be read: {reason}", "make it readable") from None
    for start, kind in credentials.found(data):
        line = data.count(b"\n", 0, start) + 1
        raise _unkept(
            place,
            f"holds in line {line} what looks like a secret ({kind})",
            "take it out: a bundle keeps the folder, and is passed on",
        )
    return data


def _unkept(place: Path, what: str, hint: str) -> PlanError:
    return PlanError("service-file", f"a file of the service {what}", where=str(place), hint=hint)
