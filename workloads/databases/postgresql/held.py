"""The rows of one database as the contract suite asks for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workloads.contract import canonical
from workloads.contract.fields import ORDER_COLUMNS, USER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.databases.postgresql.psql import Connected
    from workloads.dataset.rows import Row

_COLUMNS = {"users": USER_COLUMNS, "orders": ORDER_COLUMNS}
_INSTANT = """to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


class PsqlRows:
    """Rows over one psql that stays connected."""

    def __init__(self, connected: Connected) -> None:
        self._connected = connected

    def read(self, table: str, row_id: int) -> Row | None:
        """A row in the contract's JSON, or None if there is none."""
        columns = ", ".join(
            f"'{name}', {_INSTANT if name == 'created_at' else name}" for name in _COLUMNS[table]
        )
        held = self._connected.run(
            f"SELECT json_build_object({columns}) FROM {table} WHERE id = {int(row_id)}"  # noqa: S608 - names and a number
        )
        row: Row | None = json.loads(held) if held else None
        return row

    def put(self, table: str, row: Row) -> None:
        """Make a table hold exactly this row, whether it held another of its id or none."""
        columns = ", ".join(_COLUMNS[table])
        record = canonical.encode(row).decode().replace("'", "''")
        self._connected.run(
            f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, '{record}') "  # noqa: S608 - names, and a quoted row
            f"ON CONFLICT (id) DO UPDATE SET ({columns}) = (SELECT EXCLUDED.*)"
        )

    def remove(self, table: str, row_id: int) -> None:
        """Make a table hold no row of this id."""
        self._connected.run(f"DELETE FROM {table} WHERE id = {int(row_id)}")  # noqa: S608 - a name and a number

    def count(self, table: str) -> int:
        """How many rows a table holds."""
        return int(self._connected.run(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a name

    def summary(self, below: Mapping[str, int]) -> str:
        """Number and a hash of the rows of each table whose ids are below a number."""
        sums = (
            f"SELECT '{table}', count(*), sum(hashtextextended(t::text, 0)) FROM {table} t "  # noqa: S608 - names and numbers
            f"WHERE id < {int(first)};"
            for table, first in below.items()
        )
        return self._connected.run("".join(sums)).replace("\n", " ")
