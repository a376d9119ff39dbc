"""Hosts made ready for measuring, looked after, and given back: the lab's playbooks at work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.identity import MARKER
from ormlab.hosts import connected
from ormlab.provision import record
from ormlab.provision.events import Began, Ended, Outcome
from ormlab.provision.playbook import PLAYBOOKS, News, Play, play

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.hosts.inventory import Bench

__all__ = ["Began", "Ended", "News", "Outcome", "Play", "Provisioned", "carry_out", "provision"]


@dataclass(frozen=True)
class Provisioned:
    """What became of hosts that were to be set up.

    Attributes:
        site: the play that set them up, or said what it would do.
        strangers: names of those that nobody has enrolled; if there are any, ``site`` was dry.
    """

    site: Play
    strangers: tuple[str, ...]


def provision(
    bench: Bench,
    news: News,
    *,
    dry: bool = False,
    enroll: bool = False,
    playbooks: Path = PLAYBOOKS,
) -> Provisioned:
    """Set hosts up; while one of them is not enrolled, only say what that would change.

    Args:
        bench: the hosts.
        news: is told of every task.
        dry: change nothing.
        enroll: consent to the hosts being changed, once and for all.
        playbooks: folder of enroll and site.

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
    """Play one playbook, and keep for the bundles to come what it did.

    Raises:
        ProvisioningError: a playbook cannot be played; a task that fails is an outcome.
        Interrupted: Ctrl-C or SIGTERM.
    """
    said = ", ".join(host.name for host in bench.hosts)
    news.stage(f"{name} on {said}{' (a dry run: nothing is changed)' if dry else ''}")
    played = play(name, bench, news, dry=dry, folder=playbooks)
    record.keep(played)
    return played
