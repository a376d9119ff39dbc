"""Record, tune, verify or restore knobs of a host."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

DOCUMENTATION = """
module: lab_knobs
short_description: Record, tune, verify or restore knobs of a host
description:
  - A knob is something of a host that can be read, set and set back; C(host/items) has them all.
  - C(baseline.json) in the state folder holds the value of each place before its first change. The
    module changes no place that is not in it.
author: the founders of ormlab
attributes:
  check_mode: {support: full}
  diff_mode: {support: full}
options:
  state:
    description:
      - V(recorded) records the present value of every place that has no record yet.
      - V(tuned) sets the knobs.
      - V(verified) compares the knobs with the wanted values, and never fails because of a finding.
      - V(restored) restores the knobs from the baseline.
      - V(compared) fails if a knob differs from the baseline.
    type: str
    choices: [recorded, tuned, verified, restored, compared]
    required: true
  wanted:
    description: Value by knob. A knob with the value none stays unchanged.
    type: dict
    default: {}
  knobs:
    description: Names of the knobs to restore or compare. Empty means all.
    type: list
    elements: str
    default: []
  strict:
    description: Whether it is an error that a knob cannot be tuned here, as on bare metal.
    type: bool
    default: false
  root:
    description: Root folder of the host's files. A folder other than / simulates a host.
    type: path
    default: /
  store:
    description: The lab's state folder, below the root.
    type: path
    default: /var/lib/ormlab
"""
EXAMPLES = """
- name: Fix the clock
  lab_knobs:
    state: tuned
    wanted: {governor: performance, boost: false}
    strict: true
"""
RETURN = """
outcomes:
  description: Previous value, wanted value, verdict and reason of each place.
  returned: always
  type: list
tmpfiles:
  description: Lines of tmpfiles.d that set the same values at boot.
  returned: for the state tuned
  type: list
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402 - Ansible wants its texts first
from ansible.module_utils.host import settling  # noqa: E402
from ansible.module_utils.host.items import KNOBS  # noqa: E402
from ansible.module_utils.host.kernel import Kernel, kernel_at  # noqa: E402


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {
                "choices": ["recorded", "tuned", "verified", "restored", "compared"],
                "required": True,
            },
            "wanted": {"type": "dict", "default": {}},
            "knobs": {"type": "list", "elements": "str", "default": []},
            "strict": {"type": "bool", "default": False},
            "root": {"type": "path", "default": "/"},
            "store": {"type": "path", "default": "/var/lib/ormlab"},
        },
        supports_check_mode=True,
    )
    root = Path(module.params["root"])
    store = settling.Store(root / module.params["store"].lstrip("/"))
    try:
        outcomes = _carry_out(module, kernel_at(root), store)
    except (KeyError, TypeError, ValueError) as problem:
        module.fail_json(f"invalid value: {problem.args[0]}")
    if not module.check_mode and module.params["state"] in {"recorded", "tuned", "restored"}:
        store.save()
    _answer(module, outcomes)


def _carry_out(
    module: AnsibleModule, kernel: Kernel, store: settling.Store
) -> list[settling.Outcome]:
    state, check = module.params["state"], module.check_mode
    if state in {"restored", "compared"}:
        named = module.params["knobs"] or list(KNOBS)
        chosen = [knob for name, knob in KNOBS.items() if name in named]
        if state == "restored":
            return settling.restore(kernel, chosen, store, check=check)
        return settling.compare(kernel, chosen, store)
    wanted = settling.chosen(module.params["wanted"])
    if state == "recorded":
        return settling.record(kernel, wanted, store)
    if state == "verified":
        return settling.verify(kernel, wanted, store)
    return settling.tune(kernel, wanted, store, check=check)


def _answer(module: AnsibleModule, outcomes: list[settling.Outcome]) -> None:
    changed = [outcome for outcome in outcomes if outcome.verdict == "changed"]
    result = {
        "changed": bool(changed),
        "outcomes": [asdict(outcome) for outcome in outcomes],
        "tmpfiles": settling.tmpfiles(outcomes) if module.params["state"] == "tuned" else [],
    }
    if module.params["state"] != "recorded":
        result["diff"] = {
            "before": "".join(f"{outcome.place}: {outcome.before}\n" for outcome in changed),
            "after": "".join(f"{outcome.place}: {outcome.wanted}\n" for outcome in changed),
        }
    fatal = set(settling.FAILURES)
    if module.params["strict"]:
        fatal.add("not tunable here")
    bad = [outcome for outcome in outcomes if outcome.verdict in fatal]
    if bad and module.params["state"] != "verified":
        message = "; ".join(
            f"{fault.knob} ({fault.place}, wanted {fault.wanted}): {fault.verdict}, {fault.reason}"
            for fault in bad
        )
        module.fail_json(message, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
