"""Play one of the lab's playbooks through ansible-runner, and keep count of what it did."""

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
from typing import TYPE_CHECKING, Any, Protocol

import psutil
from ansible_runner.interface import init_runner

from host.environment import confined, environment
from ormlab.base import checkout
from ormlab.base.errors import Interrupted, ProvisioningError
from ormlab.base.interruption import Interruption
from ormlab.provision.events import Began, Ended, Outcome, Reader, Recap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ormlab.hosts.inventory import Bench, HostSpec

PLAYBOOKS = checkout.ROOT / "playbooks"
_POLL_S = 0.25
_PATIENCE_S = 10.0  # that an interrupted playbook has to end by itself
_ERROR = re.compile(r"^\[?ERROR\]?[:!]\s*(.+?)\s*$", re.MULTILINE)


class News(Protocol):
    """Receives what a playbook does while it does it."""

    def stage(self, what: str) -> None:
        """A playbook begins."""
        ...

    def began(self, task: Began) -> None:
        """A task begins."""
        ...

    def ended(self, task: Ended) -> None:
        """A task has ended on one host."""
        ...


@dataclass(frozen=True)
class Play:
    """What one playbook did.

    Attributes:
        playbook: its name.
        dry: it only said what it would change.
        hosts: on which it was played.
        tasks: in the order of their ends.
        failed: hosts on which it did not come to its end.
        started: when.
        seconds: how long it took.
    """

    playbook: str
    dry: bool
    hosts: tuple[HostSpec, ...]
    tasks: tuple[Ended, ...]
    failed: frozenset[str]
    started: datetime
    seconds: float

    def of(self, outcome: Outcome, host: str | None = None) -> list[Ended]:
        """The tasks that ended in one way, on one host or on all."""
        return [
            task for task in self.tasks if task.outcome is outcome and host in (None, task.host)
        ]

    @property
    def failures(self) -> list[Ended]:
        """The task that ended the play on each failed host; earlier ones were rescued."""
        last = {
            task.host: task
            for task in self.tasks
            if task.host in self.failed and task.outcome in (Outcome.FAILED, Outcome.UNREACHABLE)
        }
        return list(last.values())


def play(
    name: str,
    bench: Bench,
    news: News,
    *,
    dry: bool = False,
    folder: Path = PLAYBOOKS,
) -> Play:
    """Play a playbook on the hosts of a bench.

    Args:
        name: of the playbook, without its suffix.
        bench: the hosts.
        news: is told of every task.
        dry: say what would change, and change nothing (``--check``).
        folder: of the playbooks.

    Raises:
        ProvisioningError: there is no such playbook, or Ansible refused to play it. A task that
            fails is an outcome, not an error.
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
    # Of mode 0700, and gone at the end: ansible-runner keeps the environment in it.
    with (
        tempfile.TemporaryDirectory(dir=checkout.STATE, prefix="provision-") as private,
        _connections() as sockets,
        Interruption() as interruption,
    ):
        watch = _Watch(news, interruption)
        with confined("ansible"):  # it copies all of this process's
            runner = init_runner(
                private_data_dir=private,
                project_dir=str(checkout.ROOT),
                playbook=str(playbook.absolute()),
                inventory=str(bench.path.absolute()),
                limit=",".join(host.name for host in bench.hosts),
                cmdline="--check" if dry else None,
                extravars=_ssh(bench, sockets),
                envvars=_variables(),
                settings={"pexpect_timeout": _POLL_S, "suppress_ansible_output": True},
                event_handler=watch.receive,
                cancel_callback=watch.must_be_killed,
                quiet=True,
            )
        runner.run()
        with runner.stdout as written:
            said = written.read()
    watch.require(name, said)
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
    """Receives the events of one playbook, and ends it when its user wants that."""

    news: News
    interruption: Interruption
    reader: Reader = field(default_factory=Reader)
    tasks: list[Ended] = field(default_factory=list)
    recap: Recap = field(default=Recap(frozenset(), frozenset()))
    fault: ProvisioningError | None = None
    killed_at: float | None = None

    def receive(self, event: dict[str, Any]) -> bool:
        """Take one event; returns that ansible-runner need not keep it."""
        try:
            news = self.reader.read(event)
        except ProvisioningError as unreadable:
            # ansible-runner takes an OSError of a handler for one of its own, and goes on.
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
        """Whether an interrupted playbook has had time enough; it is first asked politely."""
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

    def require(self, playbook: str, said: str) -> None:
        """Raise unless the playbook was played to its end, with or without failed tasks."""
        if self._asked:
            raise Interrupted(
                "interrupted",
                f"the playbook {playbook} was interrupted after {len(self.tasks)} tasks",
                where=playbook,
                hint="play it again: what is done already is not done twice",
            )
        if self.fault:
            raise self.fault
        if not self.recap.processed:
            reasons = _ERROR.findall(said)
            raise ProvisioningError(
                "playbook-refused",
                f"Ansible refused: {reasons[0] if reasons else 'it played nothing'}",
                where=f"playbooks/{playbook}.yml",
                hint=f"try `ansible-playbook playbooks/{playbook}.yml --syntax-check`",
            )


@contextmanager
def _connections() -> Iterator[Path]:
    """A folder for the ssh connections of one play, which its tasks share; they are ended with it.

    One that outlived its play would be used by the next, whatever keys that one believes. It lies
    away from the checkout, because the path of a socket must be short (unix(7)).
    """
    with tempfile.TemporaryDirectory(prefix="ormlab-") as folder:
        try:
            yield Path(folder)
        finally:
            for path in Path(folder).iterdir():
                end = ["ssh", "-o", f"ControlPath={path}", "-O", "exit", "host"]
                # Gone already: as well.
                subprocess.run(end, env=environment("tool"), capture_output=True, check=False)


def _ssh(bench: Bench, sockets: Path) -> dict[str, Any]:
    """How ssh is called, as extra variables: those stand above all that an inventory sets."""
    known = " ".join({f'"{host.known_hosts}"': None for host in bench.hosts})
    # Of an option that is given twice ssh takes the first, and these come first.
    options = [
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", f"UserKnownHostsFile={known}"),
        *("-o", "ControlMaster=auto", "-o", "ControlPersist=60s"),
    ]
    return {
        "ansible_ssh_args": shlex.join(options),
        "ansible_control_path_dir": str(sockets),
        # ansible-runner switches the checking of host keys off unless it is told otherwise.
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
