"""A MariaDB that a run makes, starts and stops, and never leaves running.

The server listens on loopback only. Its one role that can log in has a generated password; the
password is in an option file of mode 0600. For root, its processes run as ``nobody``.

mariadb-install-db takes ten seconds. So the files are kept in the lab's folder, by the version that
made them, and the next run starts them again.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from agent import processes, reach
from agent.databases import serving
from agent.databases.serving import HOST, ROLE
from agent.failure import Failure, last_line
from host import durable
from host.environment import environment
from workloads.databases.interface import ServerError
from workloads.databases.mariadb import options
from workloads.databases.mariadb.client import TITLE, Client
from workloads.databases.mariadb.shell import libraries

if TYPE_CHECKING:
    import pwd
    from collections.abc import Iterable, Mapping

    from agent.orders import KeepDatabase

_LARGEST_ID: Final = 2**32  # of server_id, exclusive
_VERSION: Final = re.compile(r"Ver (\d+\.\d+)\.\d+-MariaDB")


def settings(memory_bytes: int) -> dict[str, str]:
    """The settings of a server on a host of so much memory.

    As those of the profile ``durable``: a commit is on the disk before it is answered, and the
    background work that would fall into some windows and not into others is rare or off.
    """
    shared = durable.shared_mib(memory_bytes >> 20)
    return {
        "character_set_server": "utf8mb4",
        "collation_server": "utf8mb4_nopad_bin",
        "default_time_zone": "+00:00",
        "max_connections": "200",
        # As PostgreSQL's default; MariaDB's own is REPEATABLE-READ, under which 11.8 refuses
        # updates that 10.11 carries out (innodb_snapshot_isolation).
        "transaction_isolation": "READ-COMMITTED",
        "innodb_buffer_pool_size": f"{shared}M",
        "innodb_log_file_size": "1G",
        "innodb_flush_log_at_trx_commit": "1",
        "innodb_doublewrite": "ON",
        "innodb_buffer_pool_dump_at_shutdown": "OFF",
        "innodb_buffer_pool_load_at_startup": "OFF",
        "innodb_stats_auto_recalc": "OFF",
        "local_infile": "ON",
        "skip_name_resolve": "ON",
        # Counts rows by table, and the clients of a database.
        "performance_schema": "ON",
        "performance_schema_consumer_events_statements_current": "OFF",
        "performance_schema_consumer_events_statements_history": "OFF",
        "performance_schema_consumer_statements_digest": "OFF",
    }


def made(work: KeepDatabase) -> MariadbInstance:
    """The server that an order names.

    Raises:
        Failure: ``database-on-loopback``, other hosts are to reach it.
    """
    if work.listen or work.configuration:
        raise Failure(
            "database-on-loopback",
            "MariaDB is served to services on its own host alone",
            hint="give the roles app, db and load of the inventory to one host",
        )
    return MariadbInstance(Path(work.cluster), Path(work.binaries), work.port)


@dataclass(frozen=True)
class MariadbInstance:
    """A server's files in a folder, and the programs that serve them."""

    folder: Path  #: holds ``data-VERSION/``, ``password.cnf`` and ``cluster.lock``
    prefix: Path  #: where the packages are installed or unpacked: ``/usr``, with bin and sbin
    port: int

    @cached_property
    def data(self) -> Path:
        """The data directory, owned by the user that the server runs as."""
        try:
            answer = subprocess.run(
                [self._server, "--no-defaults", "--version"],
                env=environment("database", libraries(self._server)),
                capture_output=True,
                text=True,
                check=False,
            )
            said, why = answer.stdout, last_line(answer.stderr or answer.stdout)
        except OSError as refused:
            said, why = "", (refused.strerror or str(refused)).lower()
        found = _VERSION.search(said)
        if found is None:
            raise Failure(
                "database-missing",
                f"there is no MariaDB that works: {why}",
                where=self._server,
                hint="install Debian's packages mariadb-server-core and mariadb-client-core, or "
                "let the role mariadb do it",
            )
        return self.folder / f"data-{found[1]}"

    @property
    def client(self) -> Client:
        """What can be asked of the running server."""
        return Client(
            binary=str(self.prefix / "bin/mariadb"),
            host=HOST,
            port=self.port,
            user=ROLE,
            passfile=str(self._passfile),
        )

    @property
    def _passfile(self) -> Path:
        return self.data.with_suffix(f"{self.data.suffix}.cnf")

    @property
    def _server(self) -> str:
        return str(self.prefix / "sbin/mariadbd")

    def lock(self) -> IO[str]:
        """Take the files for this process until the returned file is closed.

        Raises:
            Failure: another process holds them.
        """
        return serving.held(self.folder, self.folder / "cluster.lock")

    def profile(self, memory_bytes: int) -> dict[str, str]:
        """The server's settings on a host of so much memory."""
        return settings(memory_bytes)

    def ensure_initialised(self) -> bool:
        """Make the files if there are none, and return whether this call made them.

        The password file comes last: without it the files are made again.

        Raises:
            Failure: they cannot be made.
        """
        serving.require_reachable(self.folder, self.prefix)
        if self._passfile.exists():
            return False
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        account = reach.unprivileged_account()
        if account:
            os.chown(self.data, account.pw_uid, account.pw_gid)
        self._install(account)
        password = secrets.token_urlsafe(24)
        self._admit(password)
        passfile = self.folder / "password.new"
        passfile.touch(mode=0o600)
        passfile.write_text(options.written(password))
        passfile.rename(self._passfile)
        return True

    def _install(self, account: pwd.struct_passwd | None) -> None:
        log = self.folder / "install.log"
        install = processes.spawn(
            [
                str(self.prefix / "bin/mariadb-install-db"),
                *("--no-defaults", f"--basedir={self.prefix}", f"--datadir={self.data}"),
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
                *("--skip-name-resolve", "--builddir=", "--srcdir="),
            ],
            program="database",
            env=libraries(self._server),
            log=log,
            account=account,
            cwd=self.data,
        )
        serving.require_made(install, "mariadb-install-db", log)

    def _admit(self, password: str) -> None:
        """Make the lab's role, and lock the one that needs no password, before anybody listens."""
        statements = (
            "FLUSH PRIVILEGES;\n"  # which reads the tables of roles
            f"CREATE USER '{ROLE}'@'%' IDENTIFIED BY '{password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{ROLE}'@'%';\n"
            "ALTER USER 'root'@'localhost' ACCOUNT LOCK;\n"
        )
        account = reach.unprivileged_account()
        answer = subprocess.run(
            [self._server, *self._options({}), "--bootstrap"],
            input=statements,
            env=environment("database", libraries(self._server)),
            cwd=self.data,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise Failure(
                "database-password",
                f"MariaDB did not accept a password for {ROLE}: {last_line(answer.stderr)}",
                where=str(self.data),
                hint="a full disk is the usual cause",
            )

    def start(
        self, *, log: Path, server_settings: Mapping[str, str], cpus: Iterable[int] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the server and wait until it, and no other server, answers.

        Raises:
            Failure: the port is taken, or the server ended or did not answer in time.
        """
        serving.require_free(self.port, [HOST], title=TITLE)
        identity = str(secrets.randbelow(_LARGEST_ID - 1) + 1)
        own = {
            "bind_address": HOST,
            "port": str(self.port),
            "server_id": identity,
            "socket": str(self.data / "socket"),
            "pid_file": str(self.data / "server.pid"),
        }
        server = processes.spawn(
            [self._server, *self._options({**server_settings, **own})],
            program="database",
            env=libraries(self._server),
            log=log,
            cpus=cpus,
            cwd=self.data,
            account=reach.unprivileged_account(),
            death_signal=signal.SIGKILL,  # InnoDB recovers; SIGTERM would write for a minute
        )
        return serving.answering(server, lambda: self._answers(identity), title=TITLE, log=log)

    def _answers(self, identity: str) -> bool:
        try:
            return self.client.identity() == identity
        except ServerError:
            return False

    def _options(self, given: Mapping[str, str]) -> list[str]:
        """The arguments of mariadbd; --no-defaults must come first."""
        return [
            "--no-defaults",
            f"--basedir={self.prefix}",
            f"--lc-messages-dir={self.prefix}/share/mysql",
            f"--plugin-dir={self.prefix}/lib/mysql/plugin",
            f"--datadir={self.data}",
            f"--tmpdir={self.data}",
            *(f"--{name.replace('_', '-')}={value}" for name, value in given.items()),
        ]

    def stop(self, server: subprocess.Popen[bytes]) -> bool:
        """Shut the server down; returns whether it ended cleanly and in time."""
        return serving.stopped(server, signal.SIGTERM)

    def forget_recordings(self) -> None:
        """No-op: what a server records is in its memory."""

    def end_leftover(self) -> int | None:
        """End a server that a killed run left with these files; returns its pid, or None."""
        served = f"--datadir={self.data}"
        return serving.end_leftover(self.data / "server.pid", served, signal.SIGKILL)
