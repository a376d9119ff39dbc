"""Work of the kinds ``check`` and ``diagnose``: examine a service outside of all windows."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent import command, server
from agent.failure import Failure
from agent.files import write_json
from agent.orders import ApplicationSpec
from agent.service import Service
from bundle.documents.readings import Pool, Rows
from bundle.documents.services import Effects, TableContent
from workloads.databases import known
from workloads.databases.postgresql import contents
from workloads.databases.postgresql.client import Client
from workloads.diagnosis.examination import ApplicationTask, examine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from agent.heartbeat import Heartbeat
    from agent.orders import CheckService, Deployable, Diagnose
    from bundle.documents.services import Observed

_SILENCE_S = 5.0  # for the connections of an application that has ended


def check(work: CheckService, folder: Path, heartbeat: Heartbeat, observed: Observed) -> None:
    """Run a program against a service on a throwaway database.

    Observed: the service's health, the program's exit status and seconds, how the service ended.
    """
    server.prepare(work.database)
    service = Service(work.service, folder=folder, cpus=work.cpus)
    with service, _examined(service, heartbeat, observed):
        command.run(
            [
                part.replace("{url}", service.url).replace("{folder}", str(folder))
                for part in work.argv
            ],
            program="tool",
            log=folder / "log.txt",
            stdout=folder / "stdout",
            heartbeat=heartbeat,
        ).note(observed)


def diagnose(work: Diagnose, folder: Path, heartbeat: Heartbeat, observed: Observed) -> None:
    """Leave what a request of each operation costs in ``sql.json``, its answer in ``answers.json``.

    The service runs on one connection, of which the database records the statements. Observed: the
    service's health, and how it ended.

    Raises:
        Failure: the service did not start or did not answer, or the server did not record.
    """
    client = known.client(work.database.server)
    server.prepare(work.database)
    before = server.counters(client, work.database.name)
    try:
        with client.recording(work.database.name) as recording:
            spec = _recorded(recording.address, work.service)
            with Service(spec, folder=folder, cpus=None) as service:
                recording.begin()
                with _examined(service, heartbeat, observed):
                    name = "" if isinstance(spec, ApplicationSpec) else spec.settings.service
                    sql, answers = examine(
                        service.url,
                        service=name,
                        task=work.task,
                        recording=recording,
                        kind=work.database.server.kind,
                    )
    except (OSError, RuntimeError, http.client.HTTPException) as problem:
        raise Failure(
            "not-diagnosed",
            f"the agent could not find out what a request costs: {problem!r}",
            where=str(folder / "service.log"),
            hint="read the service's log; without its answers it cannot be compared with others",
        ) from problem
    write_json(folder / "sql.json", sql)
    write_json(folder / "answers.json", answers)
    if isinstance(work.task, ApplicationTask):
        write_json(folder / "effects.json", _effects(work, before, work.task.columns_vary))


@contextmanager
def _examined(service: Service, heartbeat: Heartbeat, observed: Observed) -> Iterator[None]:
    """Await the service, record its health, and at the end its port and how it stopped."""
    service.await_ready(heartbeat)
    observed.health = service.health()
    yield
    service.require_own()
    observed.port = service.port_record()
    observed.stop = service.stop()


def _effects(work: Diagnose, before: Mapping[str, Rows], columns_vary: list[str]) -> Effects:
    """What the requests did to the tables.

    Raises:
        Failure: ``not-diagnosed``, connections of the application are still open.
    """
    client, name = Client.of(work.database.server), work.database.name
    if server.await_silence(client, name, timeout_s=_SILENCE_S) != 0:
        raise Failure(
            "not-diagnosed",
            "the application has ended, and some of its connections to the database have not",
            where=name,
            hint="without them the rows that it wrote cannot be counted",
        )
    after, none = server.counters(client, name), Rows(**dict.fromkeys(Rows.__struct_fields__, 0))
    tables = {}
    for table, content in contents.read(client, name, without=columns_vary).items():
        now, then = after.get(table, none), before.get(table, none)
        tables[table] = TableContent(
            inserted=now.inserted - then.inserted,
            updated=now.updated - then.updated,
            deleted=now.deleted - then.deleted,
            rows=content.rows,
            sha256=content.sha256,
        )
    return Effects(schema="effects/1", tables=tables, columns_vary=columns_vary)


def _recorded(address: tuple[str, int], spec: Deployable) -> Deployable:
    """A service on one connection that is recorded; an application on as many as it opens."""
    host, port = address
    database = replace(spec.settings.database, host=host, port=port)
    if isinstance(spec, ApplicationSpec):
        return replace(spec, settings=replace(spec.settings, database=database))
    pool = Pool(size=1, overflow=0)
    return replace(spec, settings=replace(spec.settings, workers=1, pool=pool, database=database))
