"""Plays one of the lab's playbooks through ansible-runner and records its tasks."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psutil
from ansible_runner.interface import init_runner

from bundle.display import quantity
from host.environment import confined, environment
from ormlab.base import checkout
from ormlab.base.errors import Interrupted, ProvisioningError
from ormlab.base.stopping import StopRequest
from ormlab.provision.events import Began, Ended, Reader, Recap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from host.settling import Outcome
    from ormlab.hosts.inventory import Bench, HostSpec

PLAYBOOKS = checkout.ROOT / "playbooks"
_POLL_S = 0.25
_PATIENCE_S = 10.0  # for an interrupted playbook to end by itself
_ERROR = re.compile(r"^\[?ERROR\]?[:!]\s*(.+?)\s*$", re.MULTILINE)


class News(Protocol):
    """Receives the progress of a playbook."""

    def stage(self, what: str, *, changes: bool) -> None:
        """A playbook begins, which ``changes`` hosts or only looks at them."""

    def began(self, task: Began) -> None:
        """A task begins."""

    def ended(self, ended: Ended) -> None:
        """A task has ended on one host."""


@dataclass(frozen=True)
class Play:
    """What one playbook did."""

    playbook: str
    dry: bool  #: whether it was a dry run
    hosts: tuple[HostSpec, ...]
    tasks: tuple[Ended, ...]  #: in the order in which they ended
    failed: frozenset[str]  #: hosts on which it did not finish
    started: datetime
    seconds: float

    @property
    def failures(self) -> list[Ended]:
        """The task that ended the play on each failed host; earlier failures were rescued."""
        last = {
            ended.host: ended
            for ended in self.tasks
            if ended.host in self.failed and ended.task.outcome in {"failed", "unreachable"}
        }
        return list(last.values())

    def settings(self, host: str) -> list[Outcome]:
        """Each setting of a host that changed, or would change: its first look says from what."""
        found: dict[tuple[str, str], Outcome] = {}
        for ended in self.tasks:
            # The baseline only writes down what there is.
            for each in ended.settings if ended.task.role != "lab_baseline" else ():
                if ended.host == host and each.verdict in {"changed", "drifted"}:
                    found.setdefault((each.knob, each.place), each)
        return list(found.values())


def play(
    name: str,
    bench: Bench,
    news: News,
    *,
    dry: bool = False,
    consent: Sequence[str] = (),
    folder: Path = PLAYBOOKS,
) -> Play:
    """Play a playbook, by its name without suffix, on the hosts of a bench.

    With ``dry`` it only reports what would change (``--check``). ``consent`` names hosts that may
    be rebooted.

    Raises:
        ProvisioningError: there is no such playbook, or Ansible refused to play it. A failed
            task is an outcome, not an error.
        Interrupted: Ctrl-C or SIGTERM.
    """
    playbook = folder / f"{name}.yml"
    if not playbook.exists():
        raise ProvisioningError(
            "playbook-missing",
            f"there is no playbook {name}",
            where=str(folder),
            hint="update the checkout",
        )
    checkout.STATE.mkdir(exist_ok=True)
    started, clock = datetime.now(UTC), time.monotonic()
    # The folder has mode 0700 and is removed: ansible-runner writes the environment into it.
    with (
        tempfile.TemporaryDirectory(dir=checkout.STATE, prefix="provision-") as private,
        _connections() as sockets,
        StopRequest() as interruption,
    ):
        watch = _Watch(news, interruption)
        with confined("ansible"):  # ansible-runner copies this process's whole environment
            runner = init_runner(
                private_data_dir=private,
                project_dir=str(checkout.ROOT),
                playbook=str(playbook.absolute()),
                inventory=str(bench.path.absolute()),
                limit=",".join(host.name for host in bench.hosts),
                cmdline="--check" if dry else None,
                extravars={**_ssh(bench, sockets), "lab_consent": ",".join(consent)},
                envvars=_variables(),
                settings={"pexpect_timeout": _POLL_S, "suppress_ansible_output": True},
                event_handler=watch.receive,
                cancel_callback=watch.must_be_killed,
                quiet=True,
            )
        runner.run()
        with runner.stdout as written:
            output = written.read()
    watch.require(name, output)
    return Play(
        playbook=name,
        dry=dry,
        hosts=bench.hosts,
        tasks=tuple(watch.tasks),
        failed=watch.recap.failed,
        started=started,
        seconds=time.monotonic() - clock,
    )


@dataclass
class _Watch:
    """Receives the events of one playbook, and ends it when the user interrupts."""

    news: News
    interruption: StopRequest
    reader: Reader = field(default_factory=Reader)
    tasks: list[Ended] = field(default_factory=list)
    recap: Recap = field(default=Recap(frozenset(), frozenset()))
    fault: ProvisioningError | None = None
    killed_at: float | None = None

    def receive(self, event: dict[str, object]) -> bool:
        """Take one event; False tells ansible-runner not to keep it."""
        try:
            news = self.reader.read(event)
        except ProvisioningError as unreadable:
            # ansible-runner would mistake an OSError of a handler for its own, and continue.
            self.fault = self.fault or unreadable
            return False
        match news:
            case Began():
                self.news.began(news)
            case Ended():
                self.tasks.append(news)
                self.news.ended(news)
            case Recap():
                self.recap = news
        return False

    def must_be_killed(self) -> bool:
        """Whether to kill the playbook: its grace period after SIGINT is over."""
        if self.killed_at is None and (self._asked or self.fault):
            self.killed_at = time.monotonic() + _PATIENCE_S
            for child in psutil.Process().children():
                if os.getsid(child.pid) == child.pid:  # ansible-runner gives it a terminal
                    child.send_signal(signal.SIGINT)
        return self.killed_at is not None and time.monotonic() > self.killed_at

    @property
    def _asked(self) -> bool:
        try:
            self.interruption.check()
        except KeyboardInterrupt:
            return True
        return False

    def require(self, playbook: str, output: str) -> None:
        """Raise unless the playbook finished, with or without failed tasks."""
        if self._asked:
            raise Interrupted(
                "interrupted",
                f"the playbook {playbook} was interrupted after "
                f"{quantity(len(self.tasks), 'task')}",
                where=playbook,
                hint="play it again to continue: finished tasks find nothing to do",
            )
        if self.fault:
            raise self.fault
        if not self.recap.processed:
            reasons = _ERROR.findall(output)
            raise ProvisioningError(
                "playbook-refused",
                f"Ansible refused: {reasons[0] if reasons else 'it played nothing'}",
                where=f"playbooks/{playbook}.yml",
                hint=f"try `ansible-playbook playbooks/{playbook}.yml --syntax-check`",
            )


@contextmanager
def _connections() -> Iterator[Path]:
    """A folder for the shared ssh connections of one play; they are closed at its end.

    The next play would reuse a connection that stayed open, even if it accepts other host keys. The
    folder is outside the checkout, because the path of a socket must be short (unix(7)).
    """
    with tempfile.TemporaryDirectory(prefix="ormlab-") as folder:
        try:
            yield Path(folder)
        finally:
            for path in Path(folder).iterdir():
                end = ["ssh", "-o", f"ControlPath={path}", "-O", "exit", "host"]
                # It may have ended already.
                subprocess.run(end, env=environment("tool"), capture_output=True, check=False)


def _ssh(bench: Bench, sockets: Path) -> dict[str, object]:
    """The ssh arguments, as extra variables: the inventory's own as `HostSpec` has read them."""
    shared = [
        *("-o", "ControlMaster=auto", "-o", "ControlPersist=60s"),
        # A host without power sends nothing: its connection is lost after 30 s.
        *("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"),
    ]
    return {
        "ormlab_ssh_arguments": {
            host.name: shlex.join([*shared, *host.ssh_arguments]) for host in bench.hosts
        },
        "ansible_ssh_args": "{{ ormlab_ssh_arguments[inventory_hostname] }}",
        "ansible_ssh_common_args": "",
        "ansible_ssh_extra_args": "",
        "ansible_control_path_dir": str(sockets),
        # ansible-runner disables the check of host keys by default.
        "ansible_host_key_checking": True,
    }


def _variables() -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment('ansible')['PATH']}",
        "ANSIBLE_CONFIG": str(checkout.ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(checkout.STATE / "ansible"),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_NOCOLOR": "True",
    }
