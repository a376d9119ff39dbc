"""Which versions each subject of a run was made of, as its stack and the server reported them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bundle import typed
from bundle.documents.host import Server
from bundle.documents.results import Software
from bundle.documents.services import BEFORE_RECORDS, ServiceRecord, StackOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bundle.documents.plan import Plan
    from bundle.documents.subject import Subject

_NO_ORM = "none"


class Orm(NamedTuple):
    """The ORM of a subject; None where the bundle does not say."""

    name: str | None  #: of its package; ``none`` for a service without one
    release: str | None  #: None also without an ORM


def orm_of(software: Software | None) -> Orm:
    """Tell the name of an ORM from its release."""
    name, _, release = ((software.orm if software else None) or "").partition(" ")
    return Orm(name or None, release or None)


def of(bundle: Path, plan: Plan) -> dict[str, Software]:
    """The versions by subject; a subject whose stack the bundle does not describe is left out.

    Raises:
        OSError, RecordError: a document of the bundle cannot be read.
    """
    stacks = {
        name: typed.read_if_there(bundle, StackOutcome, subject=name) for name in plan.subjects
    }
    services = {each.service: _service(bundle, each.service) for each in plan.subjects.values()}
    return {
        name: _software(
            plan.subjects[name],
            services,
            stack,
            plan.database_of(plan.subjects[name]),
            _database(bundle, plan, name),
        )
        for name, stack in stacks.items()
        if stack
    }


def _database(bundle: Path, plan: Plan, subject: str) -> str | None:
    """The database of a subject with the version of its server; None if nothing is recorded."""
    path = Server.path_of(plan.database_of(plan.subjects[subject]))
    server = typed.read_if_there(bundle, Server, path)
    return server.heading if server else None


def _service(bundle: Path, name: str) -> ServiceRecord | None:
    """What is recorded of a service; None if nothing is."""
    recorded = typed.read_if_there(bundle, ServiceRecord, service=name)
    return recorded or BEFORE_RECORDS.get(name)


def _software(
    subject: Subject,
    services: Mapping[str, ServiceRecord | None],
    stack: StackOutcome,
    kind: str,
    database: str | None,
) -> Software:
    def version(package: str) -> str | None:
        return f"{package} {found}" if (found := stack.packages.get(package)) else None

    service, python = services[subject.service], stack.python
    driver = service.driver(subject.options, kind) if service else None
    is_application = service is not None and service.kind == "application"
    implementation = "CPython" if python and python.implementation == "cpython" else "Python"
    return Software(
        interpreter=f"{implementation} {python.version}" if python else None,
        orm=_orm(service, version),
        driver=version(driver) if driver else None,
        framework=None if is_application else version(subject.framework),
        database=database,
    )


def _orm(service: ServiceRecord | None, version: Callable[[str], str | None]) -> str | None:
    if service is None or service.kind == "application":
        return None
    return _NO_ORM if service.kind == "driver" else version(service.package)
