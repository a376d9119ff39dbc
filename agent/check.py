"""Work of the kind ``check``: start a service on a throwaway database, run a program against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent import command, server
from agent.service import Service

if TYPE_CHECKING:
    from pathlib import Path

    from agent.heartbeat import Heartbeat
    from agent.orders import CheckService
    from bundle.documents.services import Observed


def carry_out(work: CheckService, folder: Path, heartbeat: Heartbeat, observed: Observed) -> None:
    """Run the program while the service answers.

    Observed: the service's health, the program's exit status and seconds, how the service ended.
    """
    server.prepare(work.database)
    with Service(work.service, folder=folder, cpus=work.cpus) as service:
        service.await_ready(heartbeat)
        observed.health = service.health()
        places = {"{url}": service.url, "{folder}": str(folder)}
        command.run(
            [_fill(part, places) for part in work.argv],
            program="tool",
            log=folder / "log.txt",
            stdout=folder / "stdout",
            heartbeat=heartbeat,
        ).note(observed)
        service.require_own()
        observed.port = service.port_record()
        observed.stop = service.stop()


def _fill(text: str, places: dict[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text
