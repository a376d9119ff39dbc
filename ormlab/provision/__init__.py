"""Sets hosts up for measuring, checks them, and restores them, with the lab's playbooks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import structs

from host.identity import MARKER
from ormlab.hosts import connected
from ormlab.provision import record
from ormlab.provision.events import Began, Ended
from ormlab.provision.playbook import PLAYBOOKS, News, Play, play

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ormlab.hosts.inventory import Bench

READING = ("preflight", "verify")
"""Playbooks that change nothing."""

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
    strangers = _strangers(bench)
    if strangers and enroll and not dry:
        among = tuple(host for host in bench.hosts if host.name in strangers)
        enrolled = carry_out("enroll", replace(bench, hosts=among), news, playbooks=playbooks)
        if enrolled.failed:
            return Provisioned(enrolled, ())
        strangers = ()
    site = carry_out("site", bench, news, dry=dry or bool(strangers), playbooks=playbooks)
    return Provisioned(site, strangers)


def _strangers(bench: Bench) -> tuple[str, ...]:
    """The names of the hosts that nobody has enrolled.

    Raises:
        ProvisioningError: a host cannot be reached, or does not say.
    """
    # As who logs in: lab_users may not have made the account of lab_user yet.
    logins = [
        replace(host, variables=structs.replace(host.variables, lab_user=None))
        for host in bench.hosts
    ]
    look = ("sh", "-c", 'test -e "$1" && echo enrolled || echo stranger', "look", f"/{MARKER}")
    with connected(logins) as hosts:
        return tuple(name for name, host in hosts.items() if host.run(*look).strip() == "stranger")


def carry_out(
    name: str,
    bench: Bench,
    news: News,
    *,
    dry: bool = False,
    consent: Sequence[str] = (),
    playbooks: Path = PLAYBOOKS,
) -> Play:
    """Play one playbook, and keep a record of it for future bundles; see `play`.

    Raises:
        ProvisioningError: a playbook cannot be played. A failed task is an outcome, not an error.
        Interrupted: Ctrl-C or SIGTERM.
    """
    hosts = ", ".join(host.name for host in bench.hosts)
    told = f"{name} on {hosts}{' (a dry run: nothing is changed)' if dry else ''}"
    news.stage(told, changes=not dry and name not in READING)
    played = play(name, bench, news, dry=dry, consent=consent, folder=playbooks)
    record.keep(played)
    return played
