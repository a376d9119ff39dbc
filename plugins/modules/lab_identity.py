"""Report which machine this is, and every reason not to touch it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

DOCUMENTATION = """
module: lab_identity
short_description: Report which machine this is, and every reason not to touch it
description: Reads and judges the host. Never fails because of a finding. Changes nothing.
author: the founders of ormlab
options:
  wanted:
    description: How the inventory describes the host.
    type: dict
    default: {}
  enrolled:
    description: Whether the host must have been enrolled.
    type: bool
    default: true
  profile:
    description: Profile that decides how much free space is needed, unless C(wanted) names it.
    type: str
    choices: [bare-metal, vm, smoke]
    default: bare-metal
  database:
    description: Whether the host is to have a database.
    type: bool
    default: false
  root:
    description: Root folder of the host's files.
    type: path
    default: /
"""
EXAMPLES = """
- name: Look at the host
  lab_identity:
    wanted: {cpu_model: Ryzen 9 7950X}
  register: found
"""
RETURN = """
identity:
  description: What the host is.
  returned: always
  type: dict
refusals:
  description: Code, what and hint of each reason not to touch it.
  returned: always
  type: list
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402 - Ansible wants its texts first
from ansible.module_utils.host import identity  # noqa: E402
from ansible.module_utils.host.items import disk  # noqa: E402


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "wanted": {"type": "dict", "default": {}},
            "enrolled": {"type": "bool", "default": True},
            "profile": {"choices": ["bare-metal", "vm", "smoke"], "default": "bare-metal"},
            "database": {"type": "bool", "default": False},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    host = identity.identify(Path(module.params["root"]))
    wanted = identity.Wanted(**module.params["wanted"])
    if wanted.free_gib is None:
        # A cluster that is there has the space that it needs.
        database = module.params["database"] and identity.OWN_CLUSTER not in host.clusters
        needed = disk.needed_gib(module.params["profile"], database=database)
        wanted = replace(wanted, free_gib=needed)
    refused = identity.refusals(host, wanted, enrolled=module.params["enrolled"])
    module.exit_json(
        changed=False,
        identity=asdict(host),
        refusals=[asdict(refusal) for refusal in refused],
    )


if __name__ == "__main__":
    main()
