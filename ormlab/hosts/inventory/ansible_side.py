"""Ansible's own view of an inventory, as JSON: ``python ansible_side.py INVENTORY PLAYBOOKS``.

Only Ansible knows the value of a variable in a play: it reads groups and their folders, renders
templates and decrypts vaults. It is slow to import and changes global state, so this is a separate
program, started by `ormlab.hosts.inventory`. Standard input holds the names of the wanted
variables, each with the wanted keys if it is a dict.
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
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

_FACTS = "ansible_facts"  # Ansible's own, and empty before a play


def main(path: str, playbooks: str, wanted: dict[str, list[str]]) -> dict[str, Any]:
    """Read an inventory as a play in the folder ``playbooks`` would.

    ``wanted`` names the variables to render, each with the wanted keys of a dict.
    """
    init_plugin_loader()  # without it, plugins have no full names, such as ansible.builtin.file
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
