"""Wait until no other program uses apt or dpkg."""

from __future__ import annotations

import fcntl
import struct
import time
from pathlib import Path

DOCUMENTATION = """
module: lab_apt_idle
short_description: Wait until no other program uses apt or dpkg
description:
  - Waits for the lock files of apt and dpkg. apt-get itself can wait for those of dpkg alone, and
    C(apt-get update) fails at once.
  - Takes no lock and changes nothing. In check mode it does not wait.
author: the founders of ormlab
options:
  patience_s:
    description: Longest time to wait, in seconds.
    type: int
    default: 900
  root:
    description: Root folder of the host's files.
    type: path
    default: /
"""
EXAMPLES = """
- name: Wait until nobody else uses apt
  lab_apt_idle:
"""
RETURN = """
waited_s:
  description: How long it waited, in seconds.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402 - Ansible wants its texts first

_LOCKS = (
    "var/lib/apt/lists/lock",
    "var/cache/apt/archives/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/lock",
)
# struct flock of 64-bit Linux (fcntl(2)): type, whence, start, length, process id.
_FLOCK = "hhqqi4x"
_POLL_S = 0.5


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "patience_s": {"type": "int", "default": 900},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    root, patience_s = Path(module.params["root"]), module.params["patience_s"]
    began = time.monotonic()
    while not module.check_mode and (held := _held(root)):
        if time.monotonic() - began > patience_s:
            path, holder = held
            module.fail_json(
                msg=f"{holder} still holds /{path} after {patience_s} s. Let it end, or end it; "
                "then play again"
            )
        time.sleep(_POLL_S)
    module.exit_json(changed=False, waited_s=round(time.monotonic() - began, 1))


def _held(root: Path) -> tuple[str, str] | None:
    """The first lock file that a process holds, and that process."""
    for path in _LOCKS:
        try:
            file = (root / path).open("rb")
        except FileNotFoundError:
            continue
        with file:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, 0, 0, 0, 0)
            kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
        if kind != fcntl.F_UNLCK:
            return path, _process(pid)
    return None


def _process(pid: int) -> str:
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:  # it has just ended, or runs in another namespace
        return f"process {pid}"
    return f"process {pid} ({name})"


if __name__ == "__main__":
    main()
