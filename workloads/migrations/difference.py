"""How two schemas differ, part by part, and whether that changes what is measured.

The order of columns, the names of constraints and indexes, and whether a sequence belongs to an
identity or to a serial column change neither the SQL of a service nor its plan. Everything else
does, or may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bundle.documents.services import SchemaDifference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bundle.documents.services import DifferenceKind
    from workloads.databases.postgresql.catalog import Column, Schema, Table

_HARMLESS: Final[frozenset[DifferenceKind]] = frozenset({"order", "numbering", "name", "own table"})
_BOTH_BY_DEFAULT: Final = {"identity", "serial"}  # either takes a number that the row brings


def differences(expected: Schema, found: Schema, own: Collection[str]) -> list[SchemaDifference]:
    """Every difference of a schema from the one that is expected.

    Args:
        expected: that of the dataset.
        found: the one that was made.
        own: tables in which the tool keeps its books.
    """
    return [
        SchemaDifference(kind=kind, where=where, expected=here, found=there, harmless=harmless)
        for kind, where, here, there in _differences(expected, found, own)
        for harmless in (kind in _HARMLESS,)
    ]


type _Told = tuple[DifferenceKind, str, str | None, str | None]


def _differences(expected: Schema, found: Schema, own: Collection[str]) -> Iterator[_Told]:
    for name in sorted(expected.keys() - found.keys()):
        yield "table", name, "a table", None
    for name in sorted(found.keys() - expected.keys()):
        yield ("own table" if name in own else "table"), name, None, "a table"
    for name in sorted(expected.keys() & found.keys()):
        yield from _of_table(name, expected[name], found[name])


def _of_table(name: str, expected: Table, found: Table) -> Iterator[_Told]:
    yield from _of_columns(name, expected.columns, found.columns)
    yield from _of_parts("constraint", name, expected.constraints, found.constraints)
    yield from _of_parts("index", name, expected.indexes, found.indexes)
    yield from _of_parts("trigger", name, expected.triggers, found.triggers)


def _of_columns(table: str, expected: list[Column], found: list[Column]) -> Iterator[_Told]:
    here, there = ({each.name: each for each in those} for those in (expected, found))
    for name in sorted(here.keys() | there.keys()):
        one, other = here.get(name), there.get(name)
        where = f"{table}.{name}"
        if one is None or other is None or one.what != other.what:
            here_is, there_is = (each.what if each else None for each in (one, other))
            yield "column", where, here_is, there_is
        elif one.numbering != other.numbering:
            is_alike = {one.numbering, other.numbering} == _BOTH_BY_DEFAULT
            kind: DifferenceKind = "numbering" if is_alike else "column"
            yield kind, where, one.numbering, other.numbering
    if here.keys() == there.keys() and list(here) != list(there):
        yield "order", table, ", ".join(here), ", ".join(there)


def _of_parts(
    kind: DifferenceKind, table: str, expected: Mapping[str, str], found: Mapping[str, str]
) -> Iterator[_Told]:
    """Parts with definitions: those with one definition are the same, whatever their names."""
    here, there = _by_definition(expected), _by_definition(found)
    for definition in sorted(here.keys() | there.keys()):
        ones, others = here.get(definition, []), there.get(definition, [])
        if len(ones) != len(others):  # one that stands twice costs twice
            yield kind, table, _times(definition, len(ones)), _times(definition, len(others))
        elif ones != others:
            yield "name", f"{table}: {definition}", ", ".join(ones), ", ".join(others)


def _by_definition(parts: Mapping[str, str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name in sorted(parts):
        names.setdefault(parts[name], []).append(name)
    return names


def _times(definition: str, count: int) -> str | None:
    if not count:
        return None
    return definition if count == 1 else f"{count} times {definition}"
