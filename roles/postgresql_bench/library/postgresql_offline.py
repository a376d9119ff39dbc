"""Ansible module: the settings that a PostgreSQL server would use, while none runs.

The module asks PostgreSQL itself (``postgres -C``), which reads its files in its own order and with
its own units.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: postgresql_offline
short_description: Settings that a PostgreSQL server would use, while none runs
description:
  - Compares settings with those that a server would read from the files of a cluster. Also reads
    settings that a server computes at its start. Changes nothing.
options:
  postgres:
    description: The program postgres.
    type: path
    required: true
  configuration:
    description: The folder of postgresql.conf.
    type: path
    required: true
  account:
    description: The owner of the cluster. postgres refuses to run as root.
    type: str
    required: true
  settings:
    description: The wanted settings by name, in any unit.
    type: dict
    default: {}
  computed:
    description: Computed settings to read.
    type: list
    elements: str
    default: []
author: the founders of ormlab
"""
RETURN = """
differing:
  description: One sentence for each setting with another value than wanted.
  returned: always
  type: list
computed:
  description: Value by name, as PostgreSQL prints it.
  returned: always
  type: dict
"""


def main() -> None:
    """Run as a module of Ansible."""
    module = AnsibleModule(
        argument_spec={
            "postgres": {"type": "path", "required": True},
            "configuration": {"type": "path", "required": True},
            "account": {"required": True},
            "settings": {"type": "dict", "default": {}},
            "computed": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    differing = []
    for name, wanted in module.params["settings"].items():
        value = _ask(module, name)
        # Given the wanted value, PostgreSQL prints it in the same unit.
        if value != _ask(module, name, "-c", f"{name}={wanted}"):
            differing.append(f"{name} = {value} where {wanted} is wanted")
    computed = {name: _ask(module, name) for name in module.params["computed"]}
    module.exit_json(changed=False, differing=differing, computed=computed)


def _ask(module: AnsibleModule, name: str, *options: str) -> str:
    postgres, configuration = module.params["postgres"], module.params["configuration"]
    asked = [postgres, "-D", configuration, *options, "-C", name]
    argv = ["runuser", "-u", module.params["account"], "--", *asked]
    code, out, err = module.run_command(argv, cwd="/")
    if code != 0:
        module.fail_json(
            msg=f"PostgreSQL does not report {name}: {err.strip()} (is a run in progress?)"
        )
    return str(out).removesuffix("\n")


if __name__ == "__main__":
    main()
