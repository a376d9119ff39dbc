"""``ormlab host add``: one command from an address to an inventory."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bundle.display import visible
from ormlab.base.errors import UsageError
from ormlab.cli import options
from ormlab.cli.groups import Group
from ormlab.cli.output import Printout, prints, wants_json
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from ormlab.hosts.offered import HostKey
    from ormlab.provision.add import AddedHost

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_SCHEMA = "ormlab-host/1"


@click.group("host", cls=Group)
def group() -> None:
    """Put hosts into an inventory.

    \b
    Examples:
      ormlab host add ryzen9 --address 192.0.2.1 --user admin
      ormlab host add --help
    """


@group.command("add")
@click.argument("name")
@click.option("--address", required=True, help="Its address, for ssh.")
@click.option("--user", help="Who logs in: root, or somebody who may use sudo.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of its sshd.")
@click.option("--key", type=_FILE, help="File of the private key of that user.")
@click.option("--jump", metavar="HOST", help="Jump hosts, as ssh -J takes them.")
@click.option(
    "--sudo-password-file", type=_FILE, help="File with the password that sudo asks that user for."
)
@click.option(
    "--role",
    "roles",
    type=options.Choice(["app", "db", "load"]),
    multiple=True,
    help="What it does in a run; repeatable.  [default: what no other host does]",
)
@click.option(
    "--fingerprint",
    "fingerprints",
    multiple=True,
    help="SHA256:... of a host key that you have compared; repeatable.",
)
@click.option(
    "--inventory",
    type=options.PATH,
    help="Inventory to write.  [default: inventory/bench/hosts.yml]",
)
@prints
def add_command(
    name: str,
    *,
    address: str,
    user: str | None,
    port: int | None,
    key: Path | None,
    jump: str | None,
    sudo_password_file: Path | None,
    roles: tuple[str, ...],
    fingerprints: tuple[str, ...],
    inventory: Path | None,
) -> Printout:
    """Put a host into an inventory, after a look at it.

    Shows the key of its sshd, to be compared with the one on the machine's console. Then logs in,
    and checks python3, sudo and the distribution. Reads the firmware's settings as far as they can
    be read. Writes four files: hosts.yml, host_vars/NAME.yml, group_vars/bench.yml and known_hosts.
    Changes nothing on the host. Where something is missing it writes nothing, and exits with 6 or
    7. The same command again changes nothing.

    \b
    Examples:
      ormlab host add ryzen9 --address 192.0.2.1 --user admin
      ormlab host add ryzen9 --address 10.0.0.7 --jump admin@gate.example.net
      ormlab host add db1 --address 192.0.2.2 --role db
    """
    from ormlab.provision.add import DEFAULT, Wish, add

    _require_private(sudo_password_file)
    may_ask = sys.stdin.isatty() and not wants_json() and not fingerprints

    def compared(offer: HostKey) -> bool:
        return offer.fingerprint in fingerprints or (may_ask and _confirmed(offer))

    wish = Wish(name, address, user, port, key, jump, sudo_password_file, roles)
    added = add(wish, inventory or DEFAULT, compared, _news)
    return Printout(_SCHEMA, _result(added), lambda: _text(added))


def _require_private(secret: Path | None) -> None:
    if secret and secret.stat().st_mode & 0o077:
        raise UsageError(
            "password-readable",
            "other users may read the file of the sudo password",
            where=str(secret),
            hint=f"chmod 600 {shlex.quote(str(secret))}",
        )


def _confirmed(offer: HostKey) -> bool:
    click.echo(
        f"\nThe sshd at {offer.name} shows the key\n\n  {offer.kind} {offer.fingerprint}\n\n"
        "Compare it on the machine's console:\n\n"
        "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n",
        err=True,
    )
    return click.confirm("Is it the same?", err=True)


def _news(what: str) -> None:
    click.echo(f"- {visible(what)}", err=True)


def _next(added: AddedHost) -> list[str]:
    """The two commands that follow; where a role has no host yet, the one that adds it."""
    named = f"--inventory {shlex.quote(_shown(added.inventory))}"
    if added.missing:
        return [
            f"ormlab host add NAME --address ADDRESS --role {role} {named}"
            for role in added.missing
        ]
    return [f"ormlab preflight {named}", f"ormlab provision {named} --enroll"]


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _result(added: AddedHost) -> dict[str, object]:
    found = added.found
    return {
        "host": added.wish.name,
        "address": added.wish.address,
        "inventory": str(added.inventory),
        "roles": added.roles,
        "roles_missing": added.missing,
        "keys": [asdict(key) for key in added.keys],
        "login": found.login,
        "python": found.python,
        "identity": asdict(found.identity),
        "profile": found.profile,
        "findings": [asdict(each) | {"verdict": each.word} for each in found.findings],
        "by_hand": [each.key for each in found.by_hand],
        "files": added.files,
        "next": _next(added),
    }


def _text(added: AddedHost) -> str:
    from analysis.tables import Row, Table, columns

    found, identity = added.found, added.found.identity
    page = Page()
    roles = ", ".join(added.roles)
    page.line(f"{added.wish.name} is in {_shown(added.inventory)}, as {roles}.")
    memory = "?" if identity.memory_gib is None else f"{identity.memory_gib} GiB"
    checked = [
        *(("host key", f"{key.name}: {key.kind} {key.fingerprint}") for key in added.keys),
        ("login", found.login if found.login == "root" else f"{found.login}, root by sudo"),
        ("distribution", " ".join(identity.distribution)),
        ("python3", found.python),
        ("machine", f"{identity.cpu_model or '?'}, {memory}"),
        ("profile", found.profile),
        *((each.key, each.shown) for each in found.firmware),
    ]
    rows = tuple(Row(row) for row in checked)
    page.table(Table("What the host is", columns("Checked", "Found"), rows))
    if found.by_hand:
        page.line("Provisioning cannot set these:")
        named = columns("Reading", "Value", "Should be", "Verdict", "What to do")
        bad = tuple(
            Row((each.key, each.shown, each.should_be, each.word, each.do))
            for each in found.by_hand
        )
        page.table(Table("To be set by hand", named, bad))
    for name, written in added.files.items():
        page.line(f"{'written' if written else 'unchanged'}: {name}")
    page.line()
    for number, command in enumerate(_next(added)):
        page.line(f"{'      ' if number else 'next: '}{command}")
    return page.text()
