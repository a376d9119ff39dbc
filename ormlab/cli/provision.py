"""``ormlab provision``, ``drift``, ``untune`` and ``uninstall``: one playbook each."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bundle.codec import plain
from bundle.display import visible
from ormlab.base import checkout
from ormlab.base.errors import HostGateError, LabError, ProvisioningError
from ormlab.cli import options
from ormlab.cli.output import Printout, prints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ormlab.hosts.inventory import Bench
    from ormlab.provision import Began, Ended, Play

_SHOWN = ("changed", "failed", "unreachable")

_limit = click.option("--limit", metavar="HOST", multiple=True, help="Only this host; repeatable.")
_dry = click.option(
    "--dry-run", "dry", is_flag=True, help="Print what would change, and change nothing."
)
_enroll = click.option(
    "--enroll", is_flag=True, help="Consent to changing hosts that are not enrolled yet."
)
_playbooks = click.option(
    "--playbooks",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=checkout.ROOT / "playbooks",
    help="Folder of the playbooks.  [default: playbooks/]",
)


def _on_a_bench(name: str, *more: Callable[..., Any]) -> Callable[..., click.Command]:
    """Make a command that plays playbooks on the hosts of an inventory."""

    def command(function: Callable[..., Printout]) -> click.Command:
        @functools.wraps(function)
        def on_a_bench(*, inventory: Path, limit: tuple[str, ...], **others: object) -> Printout:
            from ormlab.hosts import inventory as inventories

            return function(inventories.bench(inventory, limit), **others)

        made: Callable[..., None] = prints(on_a_bench)
        for option in (*reversed(more), _playbooks, _limit, options.inventory):
            made = option(made)
        return click.command(name)(made)

    return command


@_on_a_bench("provision", _dry, _enroll)
def provision_command(bench: Bench, *, playbooks: Path, dry: bool, enroll: bool) -> Printout:
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
    from ormlab.provision import provision

    done = provision(bench, _News(), dry=dry, enroll=enroll, playbooks=playbooks)
    return _output(done.site, strangers=() if dry else done.strangers)


@_on_a_bench("drift")
def drift_command(bench: Bench, *, playbooks: Path) -> Printout:
    """Say whether hosts still are as `ormlab provision` left them; exits with 6 if one is not.

    Plays the playbook verify, which reads the real state: values of the kernel, affinity of live
    processes, settings that PostgreSQL shows. It changes nothing. (`ormlab doctor` judges whether
    a host can measure, provisioned or not; `ormlab verify` checks a bundle.)

    \b
    Examples:
      ormlab drift --inventory inventory/bench.yml
      ormlab drift --inventory inventory/bench.yml --json | jq -r '.problems[].what'
    """
    return _output(_play("verify", bench, playbooks), error=HostGateError)


@_on_a_bench("untune", _dry)
def untune_command(bench: Bench, *, playbooks: Path, dry: bool) -> Printout:
    """Restore every tuned value to what it was before the lab changed it.

    \b
    Examples:
      ormlab untune --inventory inventory/bench.yml --dry-run
      ormlab untune --inventory inventory/bench.yml
    """
    return _output(_play("untune", bench, playbooks, dry=dry))


@_on_a_bench("uninstall", _dry)
def uninstall_command(bench: Bench, *, playbooks: Path, dry: bool) -> Printout:
    """Remove from hosts everything that the lab installed there.

    \b
    Examples:
      ormlab uninstall --inventory inventory/bench.yml --dry-run
      ormlab uninstall --inventory inventory/bench.yml --limit db1
    """
    return _output(_play("uninstall", bench, playbooks, dry=dry))


def _play(name: str, bench: Bench, playbooks: Path, *, dry: bool = False) -> Play:
    from ormlab.provision import carry_out

    return carry_out(name, bench, _News(), dry=dry, playbooks=playbooks)


def _output(
    played: Play, *, strangers: Sequence[str] = (), error: type[LabError] = ProvisioningError
) -> Printout:
    """What a play did; a failure for each host on which it did not finish, and each stranger."""
    from ormlab.hosts import trouble
    from ormlab.provision.record import document as of_host

    known_hosts = {host.name: host.known_hosts for host in played.hosts}
    failures = []
    for ended in played.failures:
        unreachable = ended.task.outcome == "unreachable"
        again = f"put that right, then play it again; --limit {ended.host} leaves the others alone"
        failures.append(
            error(
                "host-unreachable" if unreachable else "task-failed",
                f"{ended.name} failed on {ended.host}: {ended.reason}",
                where=f"{ended.host}, {ended.task.place}",
                hint=trouble.hint(ended.reason, known_hosts[ended.host]) if unreachable else again,
            )
        )
    failures += [
        error(
            "not-enrolled",
            f"{name} is not enrolled, so nothing was changed",
            where=name,
            hint="read what would be changed; `ormlab provision --enroll` consents to it",
        )
        for name in strangers
    ]
    result = {
        "conclusion": _sentence(played),
        "playbook": played.playbook,
        "dry_run": played.dry,
        "hosts": [plain(of_host(played, host.name)) for host in played.hosts],
    }
    return Printout("ormlab-play/1", result, lambda: _text(played), failures=failures)


class _News:
    """The news of a playbook on standard error: a line for each task, one for each effect."""

    def stage(self, what: str) -> None:
        click.echo(f"- {visible(what)}", err=True)

    def began(self, task: Began) -> None:
        click.echo(f"  {visible(task.name)}", err=True)

    def ended(self, ended: Ended) -> None:
        if ended.task.outcome in _SHOWN:
            reason = f": {ended.reason}" if ended.reason else ""
            click.echo(f"    {ended.task.outcome} on {ended.host}{visible(reason)}", err=True)


def _sentence(played: Play) -> str:
    """What the play came to, in one sentence."""
    changes = sum(ended.task.outcome == "changed" for ended in played.tasks)
    would = "would change" if played.dry else "changed"
    names = ", ".join(host.name for host in played.hosts)
    unfinished = f"not to its end on {', '.join(sorted(played.failed))}; " if played.failed else ""
    return (
        f"{played.playbook} on {names}: {unfinished}{changes} of {len(played.tasks)} tasks {would} "
        f"something, in {played.seconds:.0f} s."
    )


def _text(played: Play) -> str:
    """The sentence, and every change by host."""
    lines = [_sentence(played)]
    for host in played.hosts:
        changes = [e for e in played.tasks if e.host == host.name and e.task.outcome == "changed"]
        if changes:
            lines += ["", f"{host.name}:", *(f"  {ended.name}" for ended in changes)]
    return "\n".join(lines)
