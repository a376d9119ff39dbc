"""Take the readings of a host that need only its kernel."""

from __future__ import annotations

from pathlib import Path

DOCUMENTATION = """
module: lab_readings
short_description: Take the readings of a host that need only its kernel
description:
  - Takes the readings of processor, memory, firmware, kernel, limits and jitter that
    C(ormlab doctor) takes too. It leaves out foreign load, ports and programs, which matter only
    before each run. Changes nothing.
author: the founders of ormlab
options:
  root:
    description: Root folder of the host's files.
    type: path
    default: /
  jitter_s:
    description: For how many seconds the measured CPUs spin. 0 leaves their jitter out.
    type: float
    default: 0
"""
EXAMPLES = """
- name: Take the readings
  lab_readings:
  register: taken
"""
RETURN = """
document:
  description: Of the schema host-readings/1.
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402 - Ansible wants its texts first
from ansible.module_utils.host import items  # noqa: E402


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
            "jitter_s": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )
    root, jitter_s = Path(module.params["root"]), module.params["jitter_s"]
    module.exit_json(changed=False, document=items.settled(root, jitter_s=jitter_s))


if __name__ == "__main__":
    main()
