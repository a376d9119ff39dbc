"""A Debian 13 root in namespaces of its own: a host without a service manager.

Programs run in it as on a host; everything they start ends with it, and what they mount is seen
by nobody else. With ``network=False`` it has a loopback interface and no route anywhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.host import root

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first process of the host: it does nothing but take in the orphans.
_INIT = "echo ready; sleep infinity & wait"
# Without a service manager, Debian's packages would start their services by init scripts.
_POLICY = "#!/bin/sh\nexit 101\n"
_MOUNTS = (
    ("proc", "-t", "proc", "proc"),
    ("sys", "-t", "sysfs", "-o", "ro", "sysfs"),
    ("dev", "--rbind", "/dev"),
)


@dataclass(frozen=True)
class Played:
    """What a playbook did.

    Attributes:
        rc: exit code of ansible-playbook.
        changed: the names of the tasks that changed something, in order.
        failed: the messages of the tasks that failed.
        output: all that it printed.
    """

    rc: int
    changed: list[str]
    failed: list[str]
    output: str


class Chroot:
    """A running root.

    Attributes:
        tree: its file tree, from outside.
    """

    def __init__(self, tree: Path, process: int) -> None:
        self.tree = tree
        namespaces = f"--target {process} --mount --pid --net --ipc"
        self._chroot = tree.parent / "chroot"
        self._chroot.write_text(f'#!/bin/sh\nexec nsenter {namespaces} chroot "$@"\n')
        self._chroot.chmod(0o755)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program inside, with an environment as after a login of root."""
        return subprocess.run(
            [self._chroot, self.tree, *command],
            text=True,
            capture_output=True,
            check=check,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"},
        )

    def play(
        self, playbook: Path, *options: str, variables: dict[str, Any] | None = None
    ) -> Played:
        """Run a playbook against it as its only host, named ``host`` in the group ``bench``."""
        with self.begun(playbook, *options, variables=variables) as playing:
            output, _ = playing.communicate()
        events = self._events
        told = [json.loads(line) for line in events.read_text().splitlines()]
        return Played(
            playing.returncode,
            [each["task"] for each in told if each["is"] == "changed"],
            [each["message"] for each in told if each["is"] == "failed"],
            output,
        )

    @contextlib.contextmanager
    def begun(
        self, playbook: Path, *options: str, variables: dict[str, Any] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """The same, begun and not awaited; at the end Ansible is killed, but nothing in the host.

        That is what the host sees of a control host that is gone: its tasks go on by themselves.
        """
        inventory = self.tree.parent / "inventory.json"
        groups = {group: {"hosts": {"host": {}}} for group in ("app", "db", "load")}
        connection = {
            "ansible_connection": "rooted",
            "ansible_rooted_enter": str(self._chroot),
            "ansible_host": str(self.tree),
            "ansible_python_interpreter": "/usr/bin/python3",
            **(variables or {}),
        }
        inventory.write_text(json.dumps({"bench": {"children": groups, "vars": connection}}))
        self._events.write_text("")  # a playbook that Ansible cannot read has none
        program = Path(sys.executable).with_name("ansible-playbook")
        with subprocess.Popen(
            [program, "-i", inventory, playbook, *options],
            cwd=root.CHECKOUT,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(root.CHECKOUT / "ansible.cfg"),
                "ANSIBLE_HOME": str(root.CHECKOUT / ".lab/ansible"),
                "ANSIBLE_PIPELINING": "true",
                "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
                "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callbacks"),
                "ANSIBLE_CONNECTION_PLUGINS": str(Path(__file__).parent / "connections"),
                "ANSIBLE_CALLBACKS_ENABLED": "events",
                "ORMLAB_TEST_EVENTS": str(self._events),
            },
        ) as playing:
            try:
                yield playing
            finally:
                if playing.poll() is None:
                    # Its workers too, but not what they have begun in the host.
                    workers = psutil.Process(playing.pid).children()
                    playing.kill()
                    for worker in workers:
                        with contextlib.suppress(psutil.NoSuchProcess):
                            worker.kill()

    @property
    def _events(self) -> Path:
        return self.tree.parent / "events.json"


@contextlib.contextmanager
def started(folder: Path, *, network: bool = True) -> Iterator[Chroot]:
    """A fresh root, running.

    Args:
        folder: for what is written in it.
        network: whether it shares this machine's network.
    """
    with root.copy(folder) as tree:
        (tree / "usr/sbin/policy-rc.d").write_text(_POLICY)
        (tree / "usr/sbin/policy-rc.d").chmod(0o755)
        # A test host need not survive a loss of power: dpkg may leave the writing to the kernel.
        (tree / "etc/dpkg/dpkg.cfg.d/test").write_text("force-unsafe-io\n")
        shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
        apart = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
        with subprocess.Popen(
            [*apart, *([] if network else ["--net"]), "sh", "-c", _init(tree, network=network)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as parent:
            try:
                assert parent.stdout is not None
                assert parent.stdout.readline() == "ready\n", "the namespaces could not be made"
                children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
                yield Chroot(tree, int(children.split()[0]))
            finally:
                parent.kill()


def _init(tree: Path, *, network: bool) -> str:
    steps = [f"mount {' '.join(how)} {tree}/{where}" for where, *how in _MOUNTS]
    if not network:
        steps.append("ip link set lo up")
    return " && ".join(["set -e", *steps, f"exec chroot {tree} sh -c '{_INIT}'"])
