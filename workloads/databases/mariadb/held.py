"""The rows of one database as the contract suite asks for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workloads.contract import canonical
from workloads.databases.mariadb.text import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.databases.mariadb.shell import ConnectedShell
    from workloads.dataset.rows import Row

_INSTANT = "date_format(created_at, '%Y-%m-%dT%H:%i:%sZ')"


class ShellRows:
    """Rows over one client that stays connected."""

    def __init__(self, connected: ConnectedShell) -> None:
        self._connected = connected

    def read(self, table: str, row_id: int) -> Row | None:
        """A row in the contract's JSON, or None if there is none."""
        columns = ", ".join(
            f"'{name}', {_INSTANT if name == 'created_at' else name}" for name in COLUMNS[table]
        )
        held = self._connected.run(
            f"SELECT json_object({columns}) FROM {table} WHERE id = {int(row_id)}"  # noqa: S608 - names and a number
        )
        row: Row | None = json.loads(held) if held else None
        return row

    def put(self, table: str, row: Row) -> None:
        """Make a table hold exactly this row, whether it held another of its id or none."""
        plain = json.loads(canonical.encode(row))
        plain["created_at"] = plain["created_at"].removesuffix("Z").replace("T", " ")
        values = ", ".join(_literal(plain[name]) for name in COLUMNS[table])
        same = ", ".join(f"{name} = VALUES({name})" for name in COLUMNS[table])
        self._connected.run(
            f"INSERT INTO {table} ({', '.join(COLUMNS[table])}) VALUES ({values}) "  # noqa: S608 - names and literals
            f"ON DUPLICATE KEY UPDATE {same}"
        )

    def remove(self, table: str, row_id: int) -> None:
        """Make a table hold no row of this id."""
        self._connected.run(f"DELETE FROM {table} WHERE id = {int(row_id)}")  # noqa: S608 - a name and a number

    def count(self, table: str) -> int:
        """How many rows a table holds."""
        return int(self._connected.run(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a name

    def summary(self, below: Mapping[str, int]) -> str:
        """Number and a hash of the rows of each table whose ids are below a number."""
        sums = []
        for table, first in below.items():
            row = f"concat_ws('|', {', '.join(COLUMNS[table])})"
            hashed = f"bit_xor(cast(conv(left(sha1({row}), 16), 16, 10) AS unsigned))"
            counted = f"SELECT '{table}', count(*), {hashed}"
            sums.append(f"{counted} FROM {table} WHERE id < {int(first)};\n")
        return self._connected.run("".join(sums)).replace("\n", " ")


def _literal(value: object) -> str:
    """A value of the contract's JSON as SQL; a text by its bytes, which need no escape."""
    if isinstance(value, int):
        return str(value)
    return f"convert(x'{str(value).encode().hex()}' USING utf8mb4)"
