"""Ansible's own view of an inventory, as JSON: ``python ansible_side.py INVENTORY PLAYBOOKS``.

A program of its own, because only Ansible knows what a variable is in a play: it looks into groups
and their folders, renders templates and decrypts vaults. Asking it is slow to import, and sets up
more than the lab wants in its own process. Standard input holds the names of the variables that
are wanted, and of each the keys if not all of it. It is started by `ormlab.hosts.inventory`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible import constants
from ansible._internal._datatag._tags import Origin
from ansible.cli import CLI
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

_FACTS = "ansible_facts"  # Ansible's own, although it is empty before a play


def main(path: str, playbooks: str, wanted: dict[str, list[str]]) -> dict[str, Any]:
    """Read an inventory as a play would.

    Args:
        path: of the inventory.
        playbooks: folder of the plays.
        wanted: names of variables to render, each with the keys that are wanted of a dict.
    """
    loader = DataLoader()
    loader.set_basedir(playbooks)
    identities = list(constants.DEFAULT_VAULT_IDENTITY_LIST)
    loader.set_vault_secrets(CLI.setup_vault_secrets(loader, identities, auto_prompt=False))
    inventory = InventoryManager(loader=loader, sources=[path])
    manager = VariableManager(loader=loader, inventory=inventory)
    own = {*manager.get_vars(), _FACTS}
    return {
        "groups": {
            name: [host.name for host in group.get_hosts()]
            for name, group in inventory.groups.items()
        },
        "hosts": {
            host.name: {
                name: _variable(name, variables, loader, wanted)
                for name in sorted(variables.keys() - own)
                if name in wanted or name.startswith("ansible_")
            }
            for host in inventory.get_hosts()
            for variables in [manager.get_vars(host=host)]
        },
    }


def _variable(
    name: str, variables: dict[str, Any], loader: DataLoader, wanted: dict[str, list[str]]
) -> dict[str, Any]:
    given = variables[name]
    origin = Origin.get_tag(given)
    told: dict[str, Any] = {"where": str(origin) if origin else ""}
    if name not in wanted:
        return told
    if isinstance(given, dict) and wanted[name]:
        given = {key: given[key] for key in wanted[name] if key in given}
    try:
        value = Templar(loader=loader, variables=variables).template(given)
        return {**told, "value": json.loads(json.dumps(value))}
    except (AnsibleError, TypeError) as problem:
        return {**told, "unknown": str(problem) or type(problem).__name__}


if __name__ == "__main__":
    try:
        json.dump(main(sys.argv[1], sys.argv[2], json.load(sys.stdin)), sys.stdout)
    except AnsibleError as error:
        sys.exit(f"{error}")
