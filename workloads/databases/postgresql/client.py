"""What the lab asks of PostgreSQL."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from bundle.documents.readings import Rows, ServerLog
from workloads.databases.interface import Activity
from workloads.databases.postgresql import log, template
from workloads.databases.postgresql.held import PsqlRows
from workloads.databases.postgresql.proxy import Proxy
from workloads.databases.postgresql.psql import Psql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workloads.databases.interface import HeldRows, Recording, Template
    from workloads.dataset.rows import Dataset

TITLE: Final = "PostgreSQL"

_COUNTERS = """
select coalesce(json_object_agg(relname, json_build_object(
    'inserted', n_tup_ins, 'updated', n_tup_upd, 'deleted', n_tup_del,
    'sequential_scans', seq_scan, 'index_scans', idx_scan)), '{}')
from pg_stat_user_tables
"""
_IDENTITY = """
select system_identifier || ' since ' || extract(epoch from pg_postmaster_start_time())
from pg_control_system()
"""
_ACTIVITY = """
select json_build_object(
    'checkpoints', (select checkpoints_timed + checkpoints_req from pg_stat_bgwriter),
    'connections', (
        select coalesce(json_object_agg(pid, application_name), '{}') from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend'
        and pid <> pg_backend_pid()))
"""
# In the trial's own database only the service is connected.
_END = """
select count(*) filter (where pg_terminate_backend(pid)) from (
    select pid from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend'
    and pid <> pg_backend_pid() order by pid limit {connections}) as victims
"""
# Whoever set them; without those that say where the server is and who may connect.
_SETTINGS = """
select json_object_agg(name, current_setting(name) order by name) from pg_settings
where source in ('configuration file', 'command line') and name not in (
    'cluster_name', 'config_file', 'data_directory', 'external_pid_file', 'hba_file', 'ident_file',
    'listen_addresses', 'port', 'unix_socket_directories')
"""


class Client(Psql, frozen=True, kw_only=True):
    """One server and one role; see `workloads.databases.interface.DatabaseClient`."""

    @property
    def title(self) -> str:
        """Name of the database for readers."""
        return TITLE

    def version(self) -> str:
        """The server's version."""
        return self.run("show server_version")

    def identity(self) -> str:
        """The cluster's own number, and when the server started."""
        return self.run(_IDENTITY)

    def settings(self) -> dict[str, str]:
        """Settings that somebody set, without places and addresses."""
        return msgspec.json.decode(self.run(_SETTINGS), type=dict[str, str])

    def make_template(self, dataset: Dataset) -> Template:
        """The dataset's template database, made and verified if the server lacks it."""
        return template.ensure_template(self, dataset)

    def clone(self, template_name: str, name: str) -> None:
        """Make a database from a template database, in place of any of that name."""
        template.clone(self, template_name, name)

    def drop(self, name: str) -> None:
        """Drop a database or a template, if there is one."""
        template.drop(self, name)

    def counters(self, name: str) -> dict[str, Rows]:
        """The server's statistics of each table, since the database was made."""
        return msgspec.json.decode(self.run(_COUNTERS, database=name), type=dict[str, Rows])

    def activity(self, name: str) -> Activity:
        """Checkpoints so far, and the clients of one database."""
        return msgspec.json.decode(self.run(_ACTIVITY, database=name), type=Activity)

    def end_connections(self, name: str, most: int) -> int:
        """End at most so many connections of a database's clients; returns how many."""
        return int(self.run(_END.format(connections=most), database=name))

    def read_log(self, earlier: str, inside: str) -> ServerLog:
        """Count checkpoints and autovacuums in ``inside``, a piece of the server's log.

        A checkpoint that began in ``earlier``, the text before it, may still be under way.
        """
        begun, done = "checkpoint starting:", "checkpoint complete:"
        under_way = earlier.count(begun) and earlier.rfind(begun) > earlier.rfind(done)
        return ServerLog(
            checkpoints=inside.count(begun) + bool(under_way),
            autovacuums=inside.count("automatic vacuum of") + inside.count("automatic analyze of"),
            lines=inside.count("\n"),
        )

    @contextmanager
    def rows(self, name: str) -> Iterator[HeldRows]:
        """The rows of a database, for the length of a block."""
        with self.connected(name) as connected:
            yield PsqlRows(connected)

    @property
    def recording_settings(self) -> Mapping[str, str]:
        """Settings with which the server must be started to record what services send."""
        return log.SERVER

    @property
    def silent(self) -> Mapping[str, str]:
        """What `logging` answers of a server that logs no statement."""
        return log.SILENT

    def logging(self) -> dict[str, str]:
        """The server's settings of its log."""
        return log.logging(self)

    @contextmanager
    def recording(self, name: str) -> Iterator[Recording]:
        """Log every statement of the sessions that begin during the block, and count messages."""
        with log.StatementLog.on(self, name) as statements, ExitStack() as begun:
            yield log.PairedLog(Proxy(self.host, self.port), statements, begun)

    def password(self, passfile: str) -> str:
        """The password in the content of a libpq password file."""
        return passfile.strip().rpartition(":")[2]

    def passfile_of(self, password: str) -> str:
        """The line of a libpq password file, whatever the address: services may go by a proxy."""
        return f"*:*:*:{self.user}:{password}\n"
