"""The cluster that the role postgresql_bench makes, and that a run starts and stops.

It runs only while a run needs it, so it takes no memory or time at other times, and has all
reserved huge pages to itself. The run decides who reaches the server; all other settings are in the
role's files.
"""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from agent.databases.postgresql.cluster import Cluster
from agent.databases.serving import ROLE
from agent.failure import Failure, last_line
from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

_RECOVERY_TIMEOUT_S = 3600.0  # the server may have to replay what a killed run has written
# Settings of the session that sets the password: it needs little memory and must not log it.
_ALONE = {
    "shared_buffers": "256MB",
    "huge_pages": "off",
    "exit_on_error": "on",
    "log_destination": "stderr",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True, kw_only=True)
class ProvisionedCluster(Cluster):
    """A cluster in Debian's folders; ``folder`` holds only ``pgpass`` and ``hba.conf``."""

    configuration: Path  #: the folder of postgresql.conf, which names the data directory

    @cached_property
    def data(self) -> Path:
        """The data directory."""
        # With -C before -D, root may ask as well; `lock` then says whose cluster it is.
        answer = subprocess.run(
            [str(self.binaries / "postgres"), "-C", "data_directory", "-D", self.configuration],
            env=environment("database"),
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise Failure(
                "database-missing",
                f"there is no cluster to serve: {last_line(answer.stderr)}",
                where=str(self.configuration),
                hint="`ormlab provision` makes it, for the account that lab_user names",
            )
        return Path(answer.stdout.strip())

    @property
    def lock_file(self) -> Path:
        """In the data directory, because runs with different folders can share one cluster."""
        return self.data / "ormlab.lock"

    def lock(self) -> IO[str]:
        """Take the cluster for this process until the returned file is closed.

        Raises:
            Failure: there is no such cluster, it belongs to another account, or another process
                holds it.
        """
        owner = self.data.stat().st_uid
        if owner != os.geteuid():
            raise Failure(
                "database-of-another",
                f"the cluster belongs to {_name(owner)}, and this agent is {_name(os.geteuid())}",
                where=str(self.data),
                hint="set lab_user in the inventory to the cluster's account",
            )
        return super().lock()

    def profile(self, memory_bytes: int) -> dict[str, str]:  # noqa: ARG002
        """No settings: all are in the cluster's files."""
        return {}

    def ensure_initialised(self) -> bool:
        """Give the role a new password, which only this folder holds; the cluster exists already.

        Raises:
            Failure: PostgreSQL did not accept the password.
        """
        password = secrets.token_urlsafe(24)
        argv = [str(self.binaries / "postgres"), "--single", *self.options(_ALONE), "postgres"]
        trouble = None
        try:
            answer = subprocess.run(
                argv,
                env=environment("database"),
                input=f"ALTER ROLE {ROLE} PASSWORD '{password}'\n",
                capture_output=True,
                text=True,
                check=False,
                timeout=_RECOVERY_TIMEOUT_S,
            )
            trouble = last_line(answer.stderr) if answer.returncode else None
        except subprocess.TimeoutExpired:
            trouble = f"it was not ready after {_RECOVERY_TIMEOUT_S:.0f} s"
        if trouble is not None:
            raise Failure(
                "database-password",
                f"PostgreSQL did not accept a password for {ROLE}: {trouble}",
                where=str(self.data),
                hint="if another server uses this data directory, stop it; postmaster.pid names it",
            )
        self.keep_password(password)
        return False

    def options(self, given: Mapping[str, str]) -> list[str]:
        """The arguments of postgres, which name the configuration as well."""
        return super().options({"config_file": f"{self.configuration}/postgresql.conf", **given})


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
