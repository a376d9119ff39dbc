"""A cluster of Slurm on this machine: slurmctld, three slurmd, and munge, none of them installed.

    if reason := slurm.why_not():
        pytest.skip(reason)
    with slurm.cluster() as running:
        running.environment   # for sbatch and the rest
        running.nodes["n2"].kill()

Nothing below /etc is read or written. A node is a namespace of its own for processes and mounts, so
that it can be killed as a loss of power would, and has a disk of its own at /var/tmp.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PROGRAMS = ("slurmctld", "slurmd", "sbatch", "scontrol", "munged", "unshare", "setpriv")
_NODES = ("n1", "n2", "n3")
# proctrack/linuxproc and task/none touch no control group. A lost node is found after 10 s; its
# task begins again when its credential has expired.
_CONFIGURATION = """\
ClusterName=ormlab
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=slurm
AuthInfo=socket={folder}/munge/socket,cred_expire=15
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdTimeout=10
KillWait=15
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/state/pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/state/log
SlurmdLogFile={folder}/slurmd.%n.log
MailProg=/bin/true
NodeName=n[1-3] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs={cpus} \
Feature=equal
PartitionName=bench Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP
"""
# The shell stays: as the first process of the namespace it takes in orphans.
_NODE = 'mount --bind "$1" /var/tmp && slurmd -D -f "$2" -N "$3"; exit $?'


def why_not() -> str | None:
    """The reason why this machine cannot play a cluster, as a test's reason to skip."""
    if os.geteuid() != 0:
        return "needs root: slurmd starts tasks as their users"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)} (apt-get install slurmctld slurmd slurm-client munge)"
    return None


@dataclass
class Node:
    """One node."""

    name: str
    disk: Path  #: its /var/tmp, as this machine sees it
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End everything on it at once, as a loss of power does."""
        self.process.kill()
        self.process.wait()


@dataclass
class Cluster:
    """A cluster that runs."""

    folder: Path
    environment: dict[str, str]  #: of Slurm's commands
    nodes: dict[str, Node] = field(default_factory=dict)

    def said(self, *command: str) -> str:
        """What one of Slurm's commands prints."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def logs(self) -> str:
        """The ends of all logs, for the message of a test that failed."""
        files = [*self.folder.glob("slurmd.*.log"), self.folder / "state/log"]
        ends = (f"== {path.name}\n{path.read_text()[-2000:]}" for path in files if path.exists())
        return "\n".join(ends)


def until(holds: Callable[[], object], what: str, cluster: Cluster, *, within_s: float) -> None:
    """Wait until something holds; fail with the logs if it never does."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, f"{what} within {within_s} s\n{cluster.logs()}"
        time.sleep(0.2)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster of three idle nodes; at the end nothing of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="ormlab-slurm-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with contextlib.ExitStack() as running:
            yield _started(folder, running)
    finally:
        shutil.rmtree(folder)


def _started(folder: Path, running: contextlib.ExitStack) -> Cluster:
    configuration = folder / "slurm.conf"
    first = free_port(len(_NODES) + 1)
    text = _CONFIGURATION.format(
        folder=folder,
        controller=first,
        first=first + 1,
        last=first + len(_NODES),
        cpus=os.cpu_count(),
    )
    configuration.write_text(text)
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    made = Cluster(folder, environment)
    for name, user in (("munge", "munge"), ("state", "slurm")):
        (folder / name).mkdir()
        shutil.chown(folder / name, user, user)
    key = folder / "munge/key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    shutil.chown(key, "munge", "munge")
    munge = [f"--{name}={folder}/munge/{file}" for name, file in _MUNGE.items()]
    _begin(running, made, *_as("munge"), "munged", "--foreground", *munge)
    until((folder / "munge/socket").exists, "munged listens", made, within_s=30)
    _begin(running, made, *_as("slurm"), "slurmctld", "-D", "-f", str(configuration))
    for name in _NODES:
        (folder / f"spool.{name}").mkdir()
        disk = folder / f"disk.{name}"
        disk.mkdir()
        disk.chmod(0o1777)
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        shell = ["sh", "-c", _NODE, "sh", str(disk), str(configuration), name]
        made.nodes[name] = Node(name, disk, _begin(running, made, *apart, *shell))

    def idle() -> bool:
        return made.said("sinfo", "-h", "-N", "-o", "%t").split() == ["idle"] * len(_NODES)

    def answers() -> bool:
        ping = ["scontrol", "ping"]
        said = subprocess.run(ping, env=environment, capture_output=True, check=False)
        return said.returncode == 0

    until(answers, "slurmctld answers", made, within_s=60)
    until(idle, "three nodes are idle", made, within_s=60)
    return made


_MUNGE = {
    "key-file": "key",
    "socket": "socket",
    "pid-file": "pid",
    "log-file": "log",
    "seed-file": "seed",
}


def _as(user: str) -> list[str]:
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def _begin(running: contextlib.ExitStack, made: Cluster, *command: str) -> subprocess.Popen[bytes]:
    """Start a daemon, which ends with the cluster."""
    process = subprocess.Popen(
        command,
        env=made.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    running.callback(process.wait)
    running.callback(process.kill)
    return process
