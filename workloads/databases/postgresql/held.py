"""The rows of one database as the contract suite asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workloads.contract import canonical
from workloads.contract.fields import COLUMNS
from workloads.databases.held import ProgramRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.dataset.rows import Row


class PsqlRows(ProgramRows):
    """Rows over one psql that stays connected."""

    OBJECT: ClassVar = "json_build_object"
    INSTANT: ClassVar = """to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""

    def put(self, table: str, row: Row) -> None:
        """Make a table hold exactly this row, whether it held another of its id or none."""
        columns = ", ".join(COLUMNS[table])
        record = canonical.encode(row).decode().replace("'", "''")
        self._connected.run(
            f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, '{record}') "  # noqa: S608 - names, and a quoted row
            f"ON CONFLICT (id) DO UPDATE SET ({columns}) = (SELECT EXCLUDED.*)"
        )

    def summary(self, below: Mapping[str, int]) -> str:
        """Number and a hash of the rows of each table whose ids are below a number."""
        sums = (
            f"SELECT '{table}', count(*), sum(hashtextextended(t::text, 0)) FROM {table} t "  # noqa: S608 - names and numbers
            f"WHERE id < {int(first)};"
            for table, first in below.items()
        )
        return self._connected.run("".join(sums)).replace("\n", " ")
