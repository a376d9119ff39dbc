"""What the tables of a database hold, whatever their schema: counts and digests of their rows."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workloads.databases.postgresql.psql import Psql

_TABLES = """
SELECT json_agg(json_build_array(
    c.relname, format('%I.%I', n.nspname, c.relname), (
        SELECT json_agg(json_build_array(a.attname, quote_ident(a.attname)) ORDER BY a.attname)
        FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
    ORDER BY n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'information_schema'
AND n.nspname NOT LIKE 'pg\\_%'
"""


class Content(NamedTuple):
    """The rows of one table."""

    rows: int  #: how many
    sha256: str  #: of the rows as text, sorted, hex


def read(psql: Psql, database: str, *, without: Iterable[str] = ()) -> dict[str, Content]:
    """The content of every table by its name, without some columns, named ``TABLE.COLUMN``.

    PsqlError if the server refuses.
    """
    left_out = set(without)
    found = {}
    for name, quoted, columns in json.loads(psql.run(_TABLES, database=database) or "null") or []:
        kept = [text for column, text in columns or [] if f"{name}.{column}" not in left_out]
        found[name] = _content(psql, database, quoted, kept)
    return found


def _content(psql: Psql, database: str, table: str, columns: list[str]) -> Content:
    rows_as_text = f"SELECT ROW({', '.join(columns)})::text AS line FROM {table}"  # noqa: S608 - quoted by the server
    query = f'SELECT line FROM ({rows_as_text}) AS rows ORDER BY line COLLATE "C"'  # noqa: S608
    digest, rows = hashlib.sha256(), 0
    # In COPY's text form a row is one line: a newline in a value is written as two characters.
    with psql.copy_out(rf"\copy ({query}) to pstdout", database=database) as lines:
        for line in lines:
            digest.update(line)
            rows += 1
    return Content(rows, digest.hexdigest())
