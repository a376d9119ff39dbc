"""A PostgreSQL 16 cluster that a role has made on the host, with settings of its own.

The role postgresql_bench makes it for the account that does the lab's work, and lets it run
only while a run holds it up: nothing of it takes memory or time at other times, and what huge
pages are reserved are all its own. Who reaches the server is the run's to say, as with a private
cluster; everything else stands in the role's files.
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

from agent.failure import Failure, last_line
from agent.postgres import ROLE, Cluster
from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_S = 3600.0  # it may have to replay what a killed run has written
# One session needs little; and what the statement says must not get into a log.
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
    """A cluster as Debian lays it out, and the binaries that serve it.

    Attributes:
        folder: holds ``pgpass`` and ``hba.conf``.
        configuration: the folder of its postgresql.conf, which names where its data is.
    """

    configuration: Path

    @cached_property
    def data(self) -> Path:
        """The data directory."""
        # In this order root may ask, too, and is then told whose cluster it is.
        asked = [str(self.binaries / "postgres"), "-C", "data_directory", "-D"]
        asked.append(str(self.configuration))
        answer = subprocess.run(
            asked, env=environment("database"), capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise Failure(
                "database-missing",
                f"there is no cluster to be served: {last_line(answer.stderr)}",
                where=str(self.configuration),
                hint="`ormlab provision` makes it, for the account that lab_user names",
            )
        return Path(answer.stdout.strip())

    @property
    def lock_file(self) -> Path:
        """With the data, for runs with different folders may serve it."""
        return self.data / "ormlab.lock"

    def lock(self) -> IO[str]:
        """Take the cluster for this process; the lock ends with the returned file.

        Raises:
            Failure: there is no such cluster, it belongs to another account, or another process
                holds it.
        """
        owner = self.data.stat().st_uid
        if owner != os.geteuid():
            raise Failure(
                "database-of-another",
                f"the cluster belongs to {_name(owner)}, and this is {_name(os.geteuid())}",
                where=str(self.data),
                hint="set lab_user in the inventory to the account that it belongs to",
            )
        return super().lock()

    def profile(self, memory_bytes: int) -> dict[str, str]:  # noqa: ARG002 - its files have them
        """None: all are in its files."""
        return {}

    def ensure_initialised(self) -> bool:
        """Give its owner another password, which only this folder holds; it was made before.

        Raises:
            Failure: PostgreSQL did not take it.
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
                timeout=_TIMEOUT_S,
            )
            trouble = last_line(answer.stderr) if answer.returncode else None
        except subprocess.TimeoutExpired:
            trouble = f"it was not ready after {_TIMEOUT_S:.0f} s"
        if trouble is not None:
            raise Failure(
                "database-password",
                f"PostgreSQL took no password for {ROLE}: {trouble}",
                where=str(self.data),
                hint="if another server has this data, postmaster.pid in it says which: stop that",
            )
        self.keep_password(password)
        return False

    def options(self, given: Mapping[str, str]) -> list[str]:
        """The arguments of postgres: its configuration, which lies apart, and ``given``."""
        return super().options({"config_file": f"{self.configuration}/postgresql.conf", **given})


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
