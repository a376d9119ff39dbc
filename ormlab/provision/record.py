"""The records of how hosts were set up: one document for each play and host.

The documents are under ``.lab/provision/<host>/``; a run copies those of its hosts into its bundle.
They hold the names and outcomes of tasks, but no output of a module, no address and no path of a
machine.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

import msgspec
from msgspec.structs import replace

from bundle.documents.host import Ending, Provision
from ormlab.base import checkout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ormlab.hosts.inventory import HostSpec
    from ormlab.provision.playbook import Play

FOLDER = checkout.STATE / "provision"
_KEPT = 20  # documents of a host; older ones are removed


class _Kept(msgspec.Struct, frozen=True):
    """A document, and the address that its host had."""

    address: str
    document: Provision


def keep(play: Play) -> None:
    """Write the documents of a play; one that only looks leaves none, because it set nothing up."""
    if play.dry or play.playbook == "preflight":
        return
    stamp = play.started.strftime("%Y%m%dT%H%M%S.%fZ")
    for host in play.hosts:
        place = FOLDER / host.name
        place.mkdir(parents=True, exist_ok=True)
        written = msgspec.json.encode(_Kept(host.address, document(play, host.name)))
        (place / f"{stamp}-{play.playbook}.json").write_bytes(msgspec.json.format(written))
        for old in sorted(place.iterdir())[:-_KEPT]:
            old.unlink()


def document(play: Play, host: str) -> Provision:
    """What a play did on one host."""
    tasks = [ended.task for ended in play.tasks if ended.host == host]
    counted = Counter(task.outcome for task in tasks)
    return Provision(
        schema="provision/1",
        playbook=play.playbook,
        host=host,
        started=play.started.isoformat(timespec="seconds"),
        seconds=round(play.seconds, 1),
        complete=host not in play.failed,
        counts={outcome: counted[outcome] for outcome in get_args(Ending.__value__)},
        tasks=tasks,
    )


def of_hosts(hosts: Mapping[str, HostSpec]) -> dict[str, Provision]:
    """The documents of a run's hosts by their file name in the bundle, oldest first.

    A document belongs to a host with the same name in the inventory and the same address. The keys
    of ``hosts`` are names in the bundle, which must not contain those of the inventory.
    """
    found = {}
    for name, spec in hosts.items():
        for path in sorted((FOLDER / spec.name).glob("*.json")):
            written = msgspec.json.decode(path.read_bytes(), type=_Kept)
            if written.address == spec.address:
                found[f"{name}-{path.name}"] = replace(written.document, host=name)
    return found
