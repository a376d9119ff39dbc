"""The schema of a database as pg_catalog has it, one text for each part.

Source: PostgreSQL 16, "System Catalogs": pg_attribute, pg_attrdef, pg_constraint and pg_index, with
the definitions that ``pg_get_constraintdef`` and ``pg_get_indexdef`` rebuild.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from workloads.databases.postgresql.psql import Psql

type Numbering = Literal["identity", "identity always", "serial"]
"""What gives a new row its number; `serial` is a default of the next value of a sequence."""

_SCHEMA = r"""
select coalesce(json_object_agg(c.relname, json_build_object(
    'columns', (
        select coalesce(json_agg(json_build_object(
            'name', a.attname,
            'what', concat_ws(' ',
                format_type(a.atttypid, a.atttypmod),
                case when a.attnotnull then 'NOT NULL' end,
                case when a.attcollation <> t.typcollation
                    then 'COLLATE ' || a.attcollation::regcollation end,
                case when a.attgenerated <> '' then 'GENERATED' end,
                'DEFAULT ' || case when pg_get_expr(d.adbin, d.adrelid) not like 'nextval(%'
                    then pg_get_expr(d.adbin, d.adrelid) end),
            'numbering', case
                when a.attidentity = 'd' then 'identity'
                when a.attidentity = 'a' then 'identity always'
                when pg_get_expr(d.adbin, d.adrelid) like 'nextval(%' then 'serial' end
            ) order by a.attnum), '[]')
        from pg_attribute a
        join pg_type t on t.oid = a.atttypid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'constraints', (
        select coalesce(json_object_agg(k.conname, pg_get_constraintdef(k.oid)), '{}')
        from pg_constraint k where k.conrelid = c.oid),
    'indexes', (
        select coalesce(json_object_agg(x.relname,
            regexp_replace(pg_get_indexdef(i.indexrelid), ' INDEX \S+ ON ', ' INDEX ON ')), '{}')
        from pg_index i join pg_class x on x.oid = i.indexrelid
        where i.indrelid = c.oid and not exists (
            select from pg_constraint k where k.conindid = i.indexrelid and k.conrelid = c.oid)),
    'triggers', (
        select coalesce(json_object_agg(g.tgname, pg_get_triggerdef(g.oid)), '{}')
        from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal)
    )), '{}')
from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
"""


class Column(msgspec.Struct, frozen=True):
    """A column of a table."""

    name: str
    what: str  #: type, NOT NULL, a collation that is not the type's, and default
    numbering: Numbering | None  #: None if a new row gets no number here


class Table(msgspec.Struct, frozen=True):
    """A table, or a view."""

    columns: list[Column]  #: in their order
    constraints: dict[str, str]  #: definitions by name
    indexes: dict[str, str]  #: definitions without the name, by name; none that a constraint has
    triggers: dict[str, str]  #: definitions by name


type Schema = dict[str, Table]


def read(psql: Psql, database: str) -> Schema:
    """Read the tables of the schema ``public``, by name.

    Raises:
        PsqlError: the server refused.
    """
    return msgspec.json.decode(psql.run(_SCHEMA, database=database), type=dict[str, Table])
