"""The verbs of provisioning, one playbook each: from ``ormlab preflight`` to ``uninstall``."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bundle.codec import plain
from bundle.display import quantity, visible
from host.items import ITEMS
from ormlab.base import checkout
from ormlab.base.errors import HostGateError, LabError, ProvisioningError, UsageError
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


@_on_a_bench("preflight")
def preflight_command(bench: Bench, *, playbooks: Path) -> Printout:
    """Print what speaks against a host, and each setting that provisioning would change on it.

    Reads only; the host need not be enrolled. The table has the value now, the value then, and the
    reason for it. `ormlab provision --dry-run` also counts packages, accounts and files.

    \b
    Examples:
      ormlab preflight --inventory inventory/bench/hosts.yml
      ormlab preflight --json | jq '.settings[] | [.setting, .now, .then]'

    Exits with 6 if the lab refuses to provision the host.
    """
    return _output(_play("preflight", bench, playbooks), error=HostGateError)


@_on_a_bench("enroll")
def enroll_command(bench: Bench, *, playbooks: Path) -> Printout:
    """Consent to changes of hosts, once and for all; `ormlab provision --enroll` does it as well.

    Writes /etc/ormlab/enrolled.json there, and nothing else.

    \b
    Examples:
      ormlab enroll --inventory inventory/bench/hosts.yml --limit db1
    """
    return _output(_play("enroll", bench, playbooks))


@_on_a_bench("reboot")
def reboot_command(bench: Bench, *, playbooks: Path) -> Printout:
    """Reboot hosts whose kernel lacks parameters of host_boot; --limit names them.

    A host that has its parameters is not rebooted.

    \b
    Examples:
      ormlab reboot --inventory inventory/bench/hosts.yml --limit db1
    """
    if not click.get_current_context().params["limit"]:
        raise UsageError(
            "reboot-unnamed",
            "nobody has said which hosts may be rebooted",
            where="--limit",
            hint=f"name each: {' '.join(f'--limit {host.name}' for host in bench.hosts)}",
        )
    consent = [host.name for host in bench.hosts]
    return _output(_play("reboot", bench, playbooks, consent=consent))


@_on_a_bench("drift")
def drift_command(bench: Bench, *, playbooks: Path) -> Printout:
    """Say whether hosts still are as `ormlab provision` left them; exits with 6 if one is not.

    Plays the playbook verify, which reads the real state: values of the kernel, affinity of live
    processes, settings that PostgreSQL shows. It changes nothing. (`ormlab doctor` judges whether
    a host can measure, provisioned or not; `ormlab verify` checks a bundle.)

    \b
    Examples:
      ormlab drift --inventory inventory/bench.yml
      ormlab drift --limit db1 --json | jq -r '.problems[].what'
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


def _play(
    name: str, bench: Bench, playbooks: Path, *, dry: bool = False, consent: Sequence[str] = ()
) -> Play:
    from ormlab.provision import carry_out

    return carry_out(name, bench, _News(), dry=dry, consent=consent, playbooks=playbooks)


def _output(
    played: Play, *, strangers: Sequence[str] = (), error: type[LabError] = ProvisioningError
) -> Printout:
    """What a play did; a failure for each host on which it did not finish, and each stranger."""
    from ormlab.hosts import trouble
    from ormlab.hosts.offered import in_the_way
    from ormlab.provision.record import document as of_host

    specs = {host.name: host for host in played.hosts}
    failures = []
    for ended in played.failures:
        spec = specs[ended.host]
        unreachable = ended.task.outcome == "unreachable"
        reason = (in_the_way(spec) if unreachable else "") or ended.reason
        again = f"put that right, then play it again; --limit {ended.host} leaves the others alone"
        failures.append(
            error(
                "host-unreachable" if unreachable else "task-failed",
                f"{ended.name} failed on {ended.host}: {reason}",
                where=f"{ended.host}, {ended.task.place}",
                hint=trouble.hint(reason, spec.known_hosts) if unreachable else again,
            )
        )
    failures += [
        error(
            "not-enrolled",
            f"{name} is not enrolled, so nothing was changed",
            where=name,
            hint="read above what would change; `ormlab provision --enroll` consents to it",
        )
        for name in strangers
        if name not in played.failed  # its dry run did not get to what would be changed
    ]
    settings = [each for host in played.hosts for each in changes(played, host.name)]
    result = {
        "conclusion": _sentence(played),
        "playbook": played.playbook,
        "dry_run": played.dry,
        "hosts": [plain(of_host(played, host.name)) for host in played.hosts],
        "settings": [asdict(each) for each in settings],
    }
    return Printout("ormlab-play/1", result, lambda: _text(played), failures=failures)


class _News:
    """The news of a playbook on standard error: a line for each task, one for each effect.

    A playbook that only looks has a line for each role, and one for each failure.
    """

    def __init__(self) -> None:
        self._brief = False
        self._role = ""

    def stage(self, what: str, *, changes: bool) -> None:
        self._brief = not changes
        click.echo(f"- {visible(what)}", err=True)

    def began(self, task: Began) -> None:
        said = task.role if self._brief else task.name
        if said and not (self._brief and said == self._role):
            click.echo(f"  {visible(said)}", err=True)
        self._role = task.role or self._role

    def ended(self, ended: Ended) -> None:
        shown = _SHOWN[1:] if self._brief else _SHOWN
        if ended.task.outcome in shown:
            reason = f": {ended.reason}" if ended.reason else ""
            click.echo(f"    {ended.task.outcome} on {ended.host}{visible(reason)}", err=True)


@dataclass(frozen=True)
class DueChange:
    """A setting of a host that changed, or would change, alike in some of its places."""

    host: str
    setting: str  #: as docs/readings.md has it
    now: str | None  #: before the change; None if it could not be read
    then: str | None
    places: tuple[str, ...]  #: files, or names that the setting has for its parts
    why: str


def changes(played: Play, host: str) -> list[DueChange]:
    """Settings of a host, by setting and values."""
    reasons = {item.knob.name: item.why for item in ITEMS if item.knob}
    found: dict[tuple[str, str | None, str | None], list[str]] = {}
    for each in played.settings(host):
        found.setdefault((each.knob, each.before, each.wanted), []).append(each.place)
    return [
        DueChange(host, knob, now, then, tuple(places), reasons[knob])
        for (knob, now, then), places in found.items()
    ]


def _sentence(played: Play) -> str:
    """What the play came to, in one sentence."""
    names = ", ".join(host.name for host in played.hosts)
    unfinished = f"not to its end on {', '.join(sorted(played.failed))}; " if played.failed else ""
    if played.playbook == "preflight":
        places = sum(
            len(each.places) for host in played.hosts for each in changes(played, host.name)
        )
        said = f"{quantity(places, 'value')} would change"
    else:
        changed = sum(ended.task.outcome == "changed" for ended in played.tasks)
        would = "would change" if played.dry else "changed"
        said = f"{changed} of {quantity(len(played.tasks), 'task')} {would} something"
    return f"{played.playbook} on {names}: {unfinished}{said}, in {played.seconds:.0f} s."


def _text(played: Play) -> str:
    """The sentence; then every setting that changes, value by value, and the other tasks.

    A play that changed the host names those tasks; a dry run counts them by role.
    """
    lines = [_sentence(played)]
    for host in played.hosts:
        settings = changes(played, host.name)
        others = [
            ended
            for ended in played.tasks
            if ended.host == host.name and ended.task.outcome == "changed" and not ended.settings
        ]
        if settings or others:
            lines += ["", f"{host.name}:"]
        for setting in dict.fromkeys(each.setting for each in settings):
            values = [each for each in settings if each.setting == setting]
            lines.append(f"  {setting}: {values[0].why}")
            lines += [f"    {_value(each)}" for each in values]
        if not played.dry:
            lines += [f"  {ended.name}" for ended in others]
        elif others:
            counts = Counter(ended.task.role or "no role" for ended in others)
            told = ", ".join(f"{role} ({count})" for role, count in counts.items())
            lines.append(f"  and what these roles install or write, by tasks: {told}")
    return "\n".join(map(visible, lines))


def _value(change: DueChange) -> str:
    now = "unreadable" if change.now is None else change.now or "empty"
    more = len(change.places) - 1
    where = f"{change.places[0]}{f' and {more} more' if more else ''}"
    return f"{now} -> {change.then or 'empty'}   ({where})"
