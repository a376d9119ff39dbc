"""Plays the project's playbooks on played hosts, and reads what Ansible says at the end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.conftest import CHECKOUT
from tests.roles import played_host

RECAP = re.compile(
    r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE
)


@dataclass(frozen=True)
class Played:
    """One run of a playbook.

    Attributes:
        status: exit status of ansible-playbook.
        output: all it said.
        changed: number of tasks that changed something, by host.
        failed: hosts on which a task failed.
        trees: every host's files afterwards.
    """

    status: int
    output: str
    changed: dict[str, int]
    failed: set[str]
    trees: dict[str, dict[str, str]]

    def said_of(self, host: str) -> str:
        """The message with which a host failed, up to the next empty line."""
        found = re.search(rf"(?ms)^fatal: \[{host}\].*?(?=\n\n|\Z)", self.output)
        return found[0] if found else ""


class Bench:
    """Played hosts and an inventory of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inventory = folder / "hosts.yml"
        self.verdicts = folder / "verdicts"
        self._hosts: dict[str, dict] = {}

    def root(self, host: str) -> Path:
        return self.folder / host

    def add(self, name: str, fixture: str, *, systemd: bool = True, **variables: object) -> Path:
        """Build a host; variables are those of the inventory."""
        root = played_host.build(self.root(name), fixture, systemd=systemd)
        self._hosts[name] = {"lab_sysroot": str(root), **variables}
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "lab_verify": {"copies": str(self.verdicts)},
        }
        listed = {"bench": {"hosts": self._hosts, "vars": common}}
        self.inventory.write_text(yaml.safe_dump(listed))
        return root

    @property
    def names(self) -> list[str]:
        return sorted(self._hosts)

    def play(self, playbook: str, *hosts: str, options: tuple[str, ...] = ()) -> Played:
        """Play a playbook on some hosts."""
        status, output = play(
            playbook, "--inventory", self.inventory, "--limit", ",".join(hosts), *options
        )
        counts = RECAP.findall(output)
        return Played(
            status=status,
            output=output,
            changed={host: int(changed) for host, _, changed, _, _ in counts},
            failed={host for host, *_, failed in counts if int(failed)},
            trees={name: played_host.snapshot(self.root(name)) for name in self.names},
        )


def play(playbook: str, *arguments: str | Path) -> tuple[int, str]:
    """Run ansible-playbook as a user would; its status, and all it said."""
    program = Path(sys.executable).with_name("ansible-playbook")
    answer = subprocess.run(
        [program, CHECKOUT / f"playbooks/{playbook}.yml", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env=os.environ
        | {
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_HOME": str(CHECKOUT / ".lab/ansible"),
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        },
    )
    return answer.returncode, answer.stdout
