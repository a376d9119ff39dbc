"""Plan the CPUs of a host."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

DOCUMENTATION = """
module: lab_placement
short_description: Plan which CPUs serve which purpose
description:
  - Reads the topology of the host and plans it with C(host/placement.py), as a run does.
  - Changes nothing except the file of the option C(keep).
author: the founders of ormlab
options:
  root:
    description: Root folder of the kernel's files.
    type: path
    default: /
  layout:
    description: Whether the service or the database gets the large share of the cores.
    type: str
    choices: [dut_alone, db_alone, same_ccd]
    default: dut_alone
  keep:
    description: File below the root that receives the plan as JSON.
    type: path
"""
EXAMPLES = """
- name: Plan the cores
  lab_placement:
    layout: dut_alone
  register: planned
"""
RETURN = """
placement:
  description: Tier, layout, and the CPUs of each purpose in the kernel's list format.
  returned: always
  type: dict
outcome:
  description: Whether the file holds this plan, as an outcome of the module lab_knobs.
  returned: with keep
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402 - Ansible wants its texts first
from ansible.module_utils.host import placement  # noqa: E402
from ansible.module_utils.host.cpus import as_list  # noqa: E402


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
            "layout": {"choices": list(placement.LAYOUTS), "default": "dut_alone"},
            "keep": {"type": "path"},
        },
        supports_check_mode=True,
    )
    root = Path(module.params["root"])
    try:
        planned = placement.read_plan(root, module.params["layout"])
    except (OSError, ValueError) as problem:
        module.fail_json(f"the topology of this host cannot be read: {problem}")
    lists = {purpose: as_list(getattr(planned, purpose)) for purpose in placement.PURPOSES}
    result = {"changed": False, "placement": asdict(planned) | lists}
    if module.params["keep"]:
        file = root / module.params["keep"].lstrip("/")
        result |= _keep(file, json.dumps(result["placement"]), check=module.check_mode)
    module.exit_json(**result)


def _keep(file: Path, text: str, *, check: bool) -> dict[str, object]:
    kept = file.read_text().strip() if file.exists() else "none"
    held = kept == text
    if not held and not check:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    outcome = {
        "knob": "placement",
        "place": file.name,
        "before": kept,
        "wanted": text,
        "verdict": "held" if held else "drifted",
        "reason": "" if held else "the host was tuned for another plan, or not at all",
    }
    return {"changed": not held, "outcome": outcome}


if __name__ == "__main__":
    main()
