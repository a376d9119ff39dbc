"""The rows of one database as the contract suite asks for them, as far as two databases agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from workloads.contract.fields import COLUMNS

if TYPE_CHECKING:
    from workloads.databases.program import ConnectedProgram
    from workloads.dataset.rows import Row


class ProgramRows:
    """Rows over one client program that stays connected; a database adds how rows are put."""

    OBJECT: ClassVar[str]  #: the function that makes a JSON object of names and values
    INSTANT: ClassVar[str]  #: ``created_at`` in the contract's form, as SQL

    def __init__(self, connected: ConnectedProgram) -> None:
        self._connected = connected

    def read(self, table: str, row_id: int) -> Row | None:
        """A row in the contract's JSON, or None if there is none."""
        columns = ", ".join(
            f"'{name}', {self.INSTANT if name == 'created_at' else name}" for name in COLUMNS[table]
        )
        held = self._connected.run(
            f"SELECT {self.OBJECT}({columns}) FROM {table} WHERE id = {int(row_id)}"  # noqa: S608 - names and a number
        )
        row: Row | None = json.loads(held) if held else None
        return row

    def remove(self, table: str, row_id: int) -> None:
        """Make a table hold no row of this id."""
        self._connected.run(f"DELETE FROM {table} WHERE id = {int(row_id)}")  # noqa: S608 - a name and a number

    def count(self, table: str) -> int:
        """How many rows a table holds."""
        return int(self._connected.run(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a name
