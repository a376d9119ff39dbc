"""A PostgreSQL 16 cluster that a run starts and stops, and never leaves running.

The server listens on loopback only, unless the order names other hosts. It asks for a generated
password by scram-sha-256; the password is in a libpq password file of mode 0600. postgres refuses
to run as root; for root, its processes run as ``nobody`` (initdb needs a user with an entry in
passwd).

A run makes its cluster in a folder of its own, or uses the one that a role has made: see
`agent.databases.postgresql.provisioned`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import psutil

from agent import ports, processes, reach
from agent.databases import serving
from agent.databases.serving import HOST, ROLE
from host import durable
from workloads.databases.interface import ServerError
from workloads.databases.postgresql import log as statement_log
from workloads.databases.postgresql.client import TITLE, Client

if TYPE_CHECKING:
    import pwd
    import subprocess
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_CHECKPOINTER = "select pid from pg_stat_activity where backend_type = 'checkpointer'"


def settings(memory_bytes: int) -> dict[str, str]:
    """The settings of a cluster that a run creates itself: the profile ``durable``.

    Without huge pages, because a run cannot reserve any and leaves those of others alone.
    """
    return durable.settings(durable.shared_mib(memory_bytes >> 20), huge_pages="off")


@dataclass(frozen=True)
class Cluster:
    """A cluster in a folder, and the binaries that serve it."""

    folder: Path  #: holds ``data/``, ``pgpass``, ``hba.conf`` and ``cluster.lock``
    binaries: Path  #: the folder of postgres, initdb and psql of PostgreSQL 16
    port: int
    listen: str | None = None  #: an address besides loopback, for runs on several hosts
    allow: tuple[str, ...] = ()  #: names or addresses of the hosts that may connect to that address
    roles: tuple[str, ...] = ()  #: that may connect besides the lab's own

    @property
    def data(self) -> Path:
        """The data directory, owned by the user that postgres runs as."""
        return self.folder / "data"

    @property
    def client(self) -> Client:
        """What can be asked of the running server."""
        return self.psql

    @property
    def psql(self) -> Client:
        """How to reach the running server."""
        return Client(
            binary=str(self.binaries / "psql"),
            host=HOST,
            port=self.port,
            user=ROLE,
            passfile=str(self.folder / "pgpass"),
        )

    @property
    def lock_file(self) -> Path:
        """The holder of this file's lock may serve the cluster, and end a leftover server."""
        return self.folder / "cluster.lock"

    def lock(self) -> IO[str]:
        """Take the cluster for this process until the returned file is closed.

        Raises:
            Failure: another process holds it.
        """
        return serving.held(self.folder, self.lock_file)

    def profile(self, memory_bytes: int) -> dict[str, str]:
        """The server's settings on a host of so much memory."""
        return settings(memory_bytes)

    def ensure_initialised(self) -> bool:
        """Make the cluster if there is none, and return whether this call made it.

        After a killed initdb the folder has no ``pgpass``, and the cluster is made again.

        Raises:
            Failure: the cluster cannot be made.
        """
        serving.require_reachable(self.folder, self.binaries)
        account = reach.unprivileged_account()
        if (self.folder / "pgpass").exists():
            return False
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        password = secrets.token_urlsafe(24)
        secret = self.folder / "initdb.secret"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if account:
            os.chown(self.data, account.pw_uid, account.pw_gid)
            os.chown(secret, account.pw_uid, account.pw_gid)
        try:
            self._initdb(secret, account)
        finally:
            secret.unlink()
        self.keep_password(password)
        return True

    def keep_password(self, password: str) -> None:
        """Write the password file, whole or not at all."""
        passfile = self.folder / "pgpass.new"
        passfile.touch(mode=0o600)
        passfile.write_text(f"{HOST}:*:*:{ROLE}:{password}\n")
        passfile.rename(self.folder / "pgpass")

    def _initdb(self, secret: Path, account: pwd.struct_passwd | None) -> None:
        log = self.folder / "initdb.log"
        options = ["--encoding=UTF8", "--locale=C", "--data-checksums", f"--username={ROLE}"]
        options += ["--auth=scram-sha-256", f"--pwfile={secret}", "-D", str(self.data)]
        initdb = processes.spawn(
            [str(self.binaries / "initdb"), *options],
            program="database",
            log=log,
            account=account,
            cwd=self.data,
        )
        serving.require_made(initdb, "initdb", log)

    def start(
        self, *, log: Path, server_settings: Mapping[str, str], cpus: Iterable[int] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the server and wait until it, and no other server, answers a query.

        Raises:
            Failure: the port is taken, or the server ended or did not answer in time.
        """
        serving.require_free(self.port, self._addresses, title=TITLE)
        options = self.options({**server_settings, **self._reached()})
        server = processes.spawn(
            [str(self.binaries / "postgres"), *options],
            program="database",
            log=log,
            cpus=cpus,
            cwd=self.data,
            account=reach.unprivileged_account(),
            death_signal=signal.SIGQUIT,  # immediate shutdown: postgres ends its own children
        )
        return serving.answering(
            server,
            lambda: self._answers(server.pid),
            title=TITLE,
            log=log,
            polite=signal.SIGQUIT,
        )

    def _answers(self, pid: int) -> bool:
        """Whether the server that answers is this process, by the parent of its checkpointer."""
        try:
            checkpointer = self.psql.run(_CHECKPOINTER)
            return bool(checkpointer) and psutil.Process(int(checkpointer)).ppid() == pid
        except (ServerError, psutil.NoSuchProcess):
            return False

    @property
    def _addresses(self) -> list[str]:
        return [HOST, *([self.listen] if self.listen else [])]

    def options(self, given: Mapping[str, str]) -> list[str]:
        """The arguments by which postgres serves this cluster with the given settings."""
        chosen = [part for key, value in given.items() for part in ("-c", f"{key}={value}")]
        return ["-D", str(self.data), *chosen]

    def _reached(self) -> dict[str, str]:
        """The settings that decide where clients reach the server, and which clients."""
        return {
            "port": str(self.port),
            "listen_addresses": ",".join(self._addresses),
            "unix_socket_directories": "",
            "hba_file": str(self._write_rules()),
        }

    def _write_rules(self) -> Path:
        """Let the role connect with its password, over loopback and from the named hosts."""
        hosts = [HOST, *dict.fromkeys(map(ports.resolved, self.allow))]
        rules = self.folder / "hba.conf"
        lines = [
            f"host all {role} {host}{'/128' if ':' in host else '/32'} scram-sha-256\n"
            for host in hosts
            for role in (ROLE, *self.roles)
        ]
        rules.write_text("".join(["# Of one run. PostgreSQL refuses everything else.\n", *lines]))
        rules.chmod(0o644)  # the server may run as another user
        return rules

    def stop(self, server: subprocess.Popen[bytes]) -> bool:
        """Fast shutdown; returns whether the server ended cleanly and in time."""
        return serving.stopped(server, signal.SIGINT)

    def forget_recordings(self) -> None:
        """Remove the log of statements."""
        shutil.rmtree(self.data / statement_log.FOLDER, ignore_errors=True)

    def end_leftover(self) -> int | None:
        """End a server that a killed run left in this cluster; returns its pid, or None."""
        return serving.end_leftover(self.data / "postmaster.pid", str(self.data), signal.SIGQUIT)
