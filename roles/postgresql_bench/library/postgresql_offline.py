"""Ansible module: what a PostgreSQL server would run with, while none serves the cluster.

PostgreSQL itself is asked (``postgres -C``), so that its files count as it would read them, in the
order and with the units that are its own.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: postgresql_offline
short_description: What a PostgreSQL server would run with, while none serves the cluster
description:
  - Compares settings with what a server would have from the files of a cluster, and reads those
    that it computes at its start. Changes nothing.
options:
  postgres:
    description: The program.
    type: path
    required: true
  configuration:
    description: The folder of postgresql.conf.
    type: path
    required: true
  account:
    description: The account that the cluster belongs to; postgres refuses to run as root.
    type: str
    required: true
  settings:
    description: The wanted settings by name, in any unit.
    type: dict
    default: {}
  computed:
    description: Settings to read that are computed at the start.
    type: list
    elements: str
    default: []
author: the founders of ormlab
"""
RETURN = """
differing:
  description: One sentence for each setting that a server would have otherwise than wanted.
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
        found = _ask(module, name)
        # Asked with the wanted value, PostgreSQL prints that in the same unit.
        if found != _ask(module, name, "-c", f"{name}={wanted}"):
            differing.append(f"{name} = {found} where {wanted} is wanted")
    computed = {name: _ask(module, name) for name in module.params["computed"]}
    module.exit_json(changed=False, differing=differing, computed=computed)


def _ask(module: AnsibleModule, name: str, *options: str) -> str:
    postgres, configuration = module.params["postgres"], module.params["configuration"]
    asked = [postgres, "-D", configuration, *options, "-C", name]
    argv = ["runuser", "-u", module.params["account"], "--", *asked]
    code, out, err = module.run_command(argv, cwd="/")
    if code != 0:
        module.fail_json(
            msg=f"PostgreSQL does not say what {name} would be: {err.strip()} (is a run going on?)"
        )
    return str(out).removesuffix("\n")


if __name__ == "__main__":
    main()
