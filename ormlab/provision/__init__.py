"""Sets hosts up for measuring, checks them, and restores them, with the lab's playbooks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from host.identity import MARKER
from ormlab.hosts import connected
from ormlab.provision import record
from ormlab.provision.events import Began, Ended
from ormlab.provision.playbook import PLAYBOOKS, News, Play, play

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.hosts.inventory import Bench

__all__ = ["Began", "Ended", "News", "Play", "Provisioned", "carry_out", "provision"]


@dataclass(frozen=True)
class Provisioned:
    """The result of setting hosts up."""

    site: Play  #: the play that set the hosts up, or reported what it would do
    #: names of the hosts that nobody has enrolled. If there are any, ``site`` was a dry run
    strangers: tuple[str, ...]


def provision(
    bench: Bench,
    news: News,
    *,
    dry: bool = False,
    enroll: bool = False,
    playbooks: Path = PLAYBOOKS,
) -> Provisioned:
    """Set hosts up. If one of them is not enrolled, only report what would change.

    ``enroll`` consents to changes of these hosts, for good.

    Raises:
        ProvisioningError: a host cannot be reached, or a playbook cannot be played.
        Interrupted: Ctrl-C or SIGTERM.
    """
    with connected(bench.hosts) as hosts:
        strangers = tuple(
            name for name, host in hosts.items() if not host.try_run("test", "-e", f"/{MARKER}")
        )
    if strangers and enroll and not dry:
        among = tuple(host for host in bench.hosts if host.name in strangers)
        enrolled = carry_out("enroll", replace(bench, hosts=among), news, playbooks=playbooks)
        if enrolled.failed:
            return Provisioned(enrolled, ())
        strangers = ()
    site = carry_out("site", bench, news, dry=dry or bool(strangers), playbooks=playbooks)
    return Provisioned(site, strangers)


def carry_out(
    name: str, bench: Bench, news: News, *, dry: bool = False, playbooks: Path = PLAYBOOKS
) -> Play:
    """Play one playbook, and keep a record of it for future bundles.

    Raises:
        ProvisioningError: a playbook cannot be played. A failed task is an outcome, not an error.
        Interrupted: Ctrl-C or SIGTERM.
    """
    hosts = ", ".join(host.name for host in bench.hosts)
    news.stage(f"{name} on {hosts}{' (a dry run: nothing is changed)' if dry else ''}")
    played = play(name, bench, news, dry=dry, folder=playbooks)
    record.keep(played)
    return played
