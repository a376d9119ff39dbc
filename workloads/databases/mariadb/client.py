"""What the lab asks of MariaDB."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bundle.documents.readings import Rows, ServerLog
from workloads.databases.interface import Activity
from workloads.databases.mariadb import digests, options, template
from workloads.databases.mariadb.held import ShellRows
from workloads.databases.mariadb.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workloads.databases.interface import HeldRows, Recording, Template
    from workloads.dataset.rows import Dataset

TITLE: Final = "MariaDB"

_COUNTERS: Final = """
SELECT object_name, count_insert, count_update, count_delete
FROM performance_schema.table_io_waits_summary_by_table
WHERE object_type = 'TABLE' AND object_schema = '{name}'
"""
_ACTIVITY: Final = """
SELECT p.id, coalesce(a.attr_value, p.user) FROM information_schema.processlist p
LEFT JOIN performance_schema.session_connect_attrs a
    ON a.processlist_id = p.id AND a.attr_name = 'program_name'
WHERE p.db = '{name}' AND p.id <> connection_id()
"""
# Whoever set them; without those that say where the server is. Of some the server does not tell
# who set them.
_SETTINGS: Final = """
SELECT lower(variable_name), global_value FROM information_schema.system_variables
WHERE (global_value_origin IN ('CONFIG', 'COMMAND-LINE') AND lower(variable_name) NOT IN (
    'basedir', 'bind_address', 'datadir', 'lc_messages_dir', 'log_error', 'pid_file', 'plugin_dir',
    'port', 'server_id', 'socket', 'tmpdir')) OR lower(variable_name) IN (
    'character_set_server', 'collation_server', 'time_zone', 'tx_isolation')
ORDER BY 1
"""


class Client(Shell, frozen=True, kw_only=True):
    """One server and one role; see `workloads.databases.interface.DatabaseClient`."""

    @property
    def title(self) -> str:
        """Name of the database for readers."""
        return TITLE

    def version(self) -> str:
        """The server's version, without the name of its build."""
        return self.run("SELECT version()").partition("-")[0]

    def identity(self) -> str:
        """The number that was drawn for this start of the server (its ``server_id``)."""
        return self.run("SELECT @@server_id")

    def settings(self) -> dict[str, str]:
        """Settings that somebody set, without places and addresses."""
        return _pairs(self.run(_SETTINGS))

    def make_template(self, dataset: Dataset) -> Template:
        """The dataset's template, made and verified if the server lacks it."""
        return template.ensure_template(self, dataset)

    def clone(self, template_name: str, name: str) -> None:
        """Make a database from a template, in place of any of that name."""
        template.clone(self, template_name, name)

    def drop(self, name: str) -> None:
        """Drop a database or a template, if there is one."""
        template.drop(self, name)

    def counters(self, name: str) -> dict[str, Rows]:
        """What the storage engine did to each table since it was made.

        The server counts rows that it reads by an index or without one, but no scans.
        """
        lines = self.run(_COUNTERS.format(name=name)).splitlines()
        found = {}
        for table, inserted, updated, deleted in (line.split("\t") for line in lines):
            found[table] = Rows(
                inserted=int(inserted),
                updated=int(updated),
                deleted=int(deleted),
                sequential_scans=None,
                index_scans=None,
            )
        return found

    def activity(self, name: str) -> Activity:
        """The clients of one database. The server counts no checkpoints."""
        connections = _pairs(self.run(_ACTIVITY.format(name=name)))
        return Activity(checkpoints=None, connections=connections)

    def end_connections(self, name: str, most: int) -> int:
        """End at most so many connections of a database's clients; returns how many."""
        return template.end_connections(self, name, most)

    def read_log(self, earlier: str, inside: str) -> ServerLog:  # noqa: ARG002 - it spans nothing
        """Count the lines. The server logs no checkpoints, and has nothing like autovacuum."""
        return ServerLog(checkpoints=None, autovacuums=None, lines=inside.count("\n"))

    @contextmanager
    def rows(self, name: str) -> Iterator[HeldRows]:
        """The rows of a database, for the length of a block."""
        with self.connected(name) as connected:
            yield ShellRows(connected)

    @property
    def recording_settings(self) -> Mapping[str, str]:
        """Settings with which the server must be started to record what services send."""
        return digests.SERVER

    @property
    def silent(self) -> Mapping[str, str]:
        """What `logging` answers of a server that records no statement."""
        return digests.SILENT

    def logging(self) -> dict[str, str]:
        """The server's settings of what it records."""
        return digests.logging(self)

    @contextmanager
    def recording(self, name: str) -> Iterator[Recording]:
        """Record every statement that is sent to a database during the block."""
        with digests.DigestRecording.on(self, name) as recording:
            yield recording

    def password(self, passfile: str) -> str:
        """The password in the content of an option file."""
        return options.password(passfile)

    def passfile_of(self, password: str) -> str:
        """The content of an option file."""
        return options.written(password)


def _pairs(lines: str) -> dict[str, str]:
    return dict(line.split("\t", 1) for line in lines.splitlines())
