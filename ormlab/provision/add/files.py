"""The files of an inventory that `ormlab host add` writes: one folder, owned by its user.

hosts.yml             which host does what; only this command writes it
host_vars/NAME.yml    how a host is reached and recognised; written once, then its user's
group_vars/bench.yml  variables of all hosts, each with its default; likewise
known_hosts           accepted host keys; lines are added

A host belongs to the inventory once hosts.yml names it, so that file is written last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import yaml

from bundle.storage import guard, make_folders, write_file
from ormlab.base import checkout
from ormlab.base.errors import InventoryError
from ormlab.base.stopping import StopRequest
from ormlab.hosts.inventory import ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT = checkout.ROOT / "inventory/bench/hosts.yml"
VARIABLES = "group_vars/bench.yml"
KNOWN = "known_hosts"

type Role = Literal["app", "db", "load"]

_HEAD = "# Which host does what. `ormlab host add` writes this file; variables are in host_vars/.\n"
_ALL = """\
---
# Variables of all hosts. `ormlab host add` wrote this file; now it is yours.
lab_root: /srv/ormlab
lab_user: ormlab # the role lab_users makes this account, which does a run's work

# Strict host keys for playbooks that you play without ormlab, whose commands always have them.
ansible_ssh_extra_args: >-
  -o StrictHostKeyChecking=yes
  -o 'UserKnownHostsFile="{{ inventory_dir }}/known_hosts"'
  -o GlobalKnownHostsFile=/dev/null

# Below stands every other variable with its default. Remove the # from what you change. In a dict,
# a missing key keeps its default. host_vars/NAME.yml has the variables of one host.

"""
_ONE = "---\n# `ormlab host add` wrote this file; now it is yours.\n"


class _Members(msgspec.Struct, forbid_unknown_fields=True):
    hosts: dict[str, None]


class _Groups(msgspec.Struct, forbid_unknown_fields=True):
    children: dict[Role, _Members]


class _Hosts(msgspec.Struct, forbid_unknown_fields=True):
    bench: _Groups


def roles(inventory: Path) -> dict[str, str]:
    """The host of each role that an inventory has; empty if there is no such file.

    Raises:
        InventoryError: somebody else has written it.
    """
    if not inventory.exists():
        return {}
    with guard(inventory):
        text = inventory.read_text(errors="replace")
    try:
        children = msgspec.convert(yaml.safe_load(text), _Hosts).bench.children
        found = {str(role): host for role, each in children.items() for host in each.hosts}
    except (yaml.YAMLError, msgspec.ValidationError):
        found = {}
    if text != hosts(found):
        raise InventoryError(
            "inventory-by-hand",
            "this inventory was not written by `ormlab host add`, which would lose what it has",
            where=str(inventory),
            hint="add the host there by hand, or name another file with --inventory",
        )
    return found


def hosts(of_roles: Mapping[str, str]) -> str:
    """The text of hosts.yml."""
    lines = [
        f"    {role}:\n      hosts:\n        {of_roles[role]}:\n" for role in ordered(of_roles)
    ]
    return f"---\n{_HEAD}bench:\n  children:\n{''.join(lines)}"


def ordered(of_roles: Mapping[str, str]) -> list[str]:
    """The roles that have a host, in their usual order."""
    return [role for role in ROLES if role in of_roles]


def one(variables: Mapping[str, object]) -> str:
    """The text of a file of host_vars/."""
    return _ONE + yaml.safe_dump(dict(variables), sort_keys=False, allow_unicode=True)


def every() -> str:
    """The text of group_vars/bench.yml: what the lab needs, and every variable as a comment."""
    listed = (checkout.ROOT / "inventory" / VARIABLES).read_text()
    return _ALL + listed.partition("\n\n")[2]


def stage(inventory: Path, folder: Path, texts: Mapping[str, str]) -> Path:
    """Make a copy of an inventory with other files in it; returns its hosts.yml.

    Args:
        inventory: hosts.yml, whether it exists or not.
        folder: an empty folder for the copy. What nobody writes is linked.
        texts: by path in the folder.
    """
    for path in inventory.parent.iterdir() if inventory.parent.exists() else ():
        if path.is_dir():
            (folder / path.name).mkdir()
            for each in path.iterdir():
                (folder / path.name / each.name).symlink_to(each.absolute())
        else:
            (folder / path.name).symlink_to(path.absolute())
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
    return folder / inventory.name


def install(inventory: Path, texts: Mapping[str, str]) -> dict[str, bool]:
    """Write files whose text differs, hosts.yml last; returns by name whether it was written.

    An interruption waits until the last one is there.

    Raises:
        StorageError: the folder cannot be written.
    """
    folder = inventory.parent
    written = {}
    with guard(folder), StopRequest():
        for name in sorted(texts, key=lambda name: name == inventory.name):
            path = folder / name
            written[name] = not path.exists() or path.read_text() != texts[name]
            if written[name]:
                make_folders(path.parent, under=checkout.ROOT)
                write_file(path, texts[name].encode())
    return written
