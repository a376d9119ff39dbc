"""The rows of one database as the contract suite asks for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from workloads.contract import canonical
from workloads.contract.fields import COLUMNS
from workloads.databases.held import ProgramRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.dataset.rows import Row


class ShellRows(ProgramRows):
    """Rows over one client that stays connected."""

    OBJECT: ClassVar = "json_object"
    INSTANT: ClassVar = "date_format(created_at, '%Y-%m-%dT%H:%i:%sZ')"

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
