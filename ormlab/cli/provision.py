"""``ormlab provision``, ``drift``, ``untune`` and ``uninstall``: one playbook each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bundle.codec import plain
from ormlab.base import checkout
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.output import complain, document
from ormlab.cli.provision_text import Lines, play_text, sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from ormlab.provision import Play

_limit = click.option("--limit", metavar="HOST", multiple=True, help="Only this host; repeatable.")
_dry = click.option(
    "--dry-run", "dry", is_flag=True, help="Print what would change, and change nothing."
)
_playbooks = click.option(
    "--playbooks",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=checkout.ROOT / "playbooks",
    help="Folder of the playbooks.  [default: playbooks/]",
)


def _on_a_bench(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that plays a playbook."""
    for option in (options.as_json, _playbooks, _limit, options.inventory):
        command = option(command)
    return command


@click.command("provision")
@_on_a_bench
@_dry
@click.option("--enroll", is_flag=True, help="Consent to changing hosts that are not enrolled yet.")
def provision_command(
    inventory: Path,
    limit: tuple[str, ...],
    playbooks: Path,
    *,
    dry: bool,
    enroll: bool,
    as_json: bool,
) -> None:
    """Set hosts up for measuring: packages, kernel, CPUs, PostgreSQL, wrk.

    The command changes only hosts in the inventory's group bench. On a host that nobody has
    enrolled it changes nothing and prints what it would change; --enroll consents, once and for
    all.

    \b
    Examples:
      ormlab provision --inventory inventory/bench.yml --dry-run
      ormlab provision --inventory inventory/bench.yml --enroll
      ormlab provision --inventory inventory/bench.yml --limit db1

    Exits with 7 if a task failed, or if a host is not enrolled. `ormlab untune` restores
    the tuned values, `ormlab uninstall` removes everything.
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.provision import provision

    bench = inventories.bench(inventory, limit)
    done = provision(bench, Lines(), dry=dry, enroll=enroll, playbooks=playbooks)
    problems = _problems(done.site)
    if done.strangers and not dry:
        problems += [_stranger(name) for name in done.strangers]
    _tell(done.site, problems, as_json=as_json)


@click.command("drift")
@_on_a_bench
def drift_command(
    inventory: Path, limit: tuple[str, ...], playbooks: Path, *, as_json: bool
) -> None:
    """Say whether hosts still are as `ormlab provision` left them; exits with 6 if one is not.

    Plays the playbook verify, which reads the real state: values of the kernel, affinity of live
    processes, settings that PostgreSQL shows. It changes nothing. (`ormlab doctor` judges whether
    a host can measure, provisioned or not; `ormlab verify` checks a bundle.)

    \b
    Examples:
      ormlab drift --inventory inventory/bench.yml
      ormlab drift --inventory inventory/bench.yml --json | jq -r '.problems[].what'
    """
    played = _play("verify", inventory, limit, playbooks, dry=False)
    _tell(played, _problems(played), as_json=as_json, failed=Exit.HOST_GATE)


@click.command("untune")
@_on_a_bench
@_dry
def untune_command(
    inventory: Path, limit: tuple[str, ...], playbooks: Path, *, dry: bool, as_json: bool
) -> None:
    """Restore every tuned value to what it was before the lab changed it.

    \b
    Examples:
      ormlab untune --inventory inventory/bench.yml --dry-run
      ormlab untune --inventory inventory/bench.yml
    """
    played = _play("untune", inventory, limit, playbooks, dry=dry)
    _tell(played, _problems(played), as_json=as_json)


@click.command("uninstall")
@_on_a_bench
@_dry
def uninstall_command(
    inventory: Path, limit: tuple[str, ...], playbooks: Path, *, dry: bool, as_json: bool
) -> None:
    """Remove from hosts everything that the lab installed there.

    \b
    Examples:
      ormlab uninstall --inventory inventory/bench.yml --dry-run
      ormlab uninstall --inventory inventory/bench.yml --limit db1
    """
    played = _play("uninstall", inventory, limit, playbooks, dry=dry)
    _tell(played, _problems(played), as_json=as_json)


def _play(
    name: str, inventory: Path, limit: tuple[str, ...], playbooks: Path, *, dry: bool
) -> Play:
    from ormlab.hosts import inventory as inventories
    from ormlab.provision import carry_out

    bench = inventories.bench(inventory, limit)
    return carry_out(name, bench, Lines(), dry=dry, playbooks=playbooks)


def _tell(
    played: Play,
    problems: list[dict[str, str]],
    *,
    as_json: bool,
    failed: Exit = Exit.PROVISIONING,
) -> None:
    if as_json:
        document("ormlab-play/1", _result(played), problems=problems)
    else:
        click.echo(play_text(played))
    for problem in problems:
        complain(problem, failed, as_json=False)
    if problems:
        sys.exit(failed)


def _problems(played: Play) -> list[dict[str, str]]:
    """One for each host on which the play did not come to its end."""
    from ormlab.hosts import trouble
    from ormlab.provision import Outcome

    known_hosts = {host.name: host.known_hosts for host in played.hosts}
    found = []
    for task in played.failures:
        unreachable = task.outcome is Outcome.UNREACHABLE
        again = f"put that right, then play it again; --limit {task.host} leaves the others alone"
        found.append(
            {
                "code": "host-unreachable" if unreachable else "task-failed",
                "what": f"{task.name} failed on {task.host}: {task.reason}",
                "where": f"{task.host}, {task.place}",
                "hint": trouble.hint(task.reason, known_hosts[task.host]) if unreachable else again,
            }
        )
    return found


def _stranger(name: str) -> dict[str, str]:
    return {
        "code": "not-enrolled",
        "what": f"{name} is not enrolled, so nothing was changed",
        "where": name,
        "hint": "read what would be changed; `ormlab provision --enroll` consents to it",
    }


def _result(played: Play) -> dict[str, object]:
    from ormlab.provision.record import document as of_host

    return {
        "conclusion": sentence(played),
        "playbook": played.playbook,
        "dry_run": played.dry,
        "hosts": [plain(of_host(played, host.name)) for host in played.hosts],
    }
