"""The help of every command: 80 columns, whole descriptions, examples, one place in the list."""

from __future__ import annotations

import click
import pytest

from ormlab.cli import group

WIDTH = 80


def commands(command, path):
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, f"{path} {name}")


ALL = dict(commands(group, "ormlab"))
CALLED = [path for path, each in ALL.items() if not isinstance(each, click.Group)]


def shown(path):
    with click.Context(ALL[path], info_name=path, terminal_width=WIDTH) as context:
        return ALL[path].get_help(context)


@pytest.mark.parametrize("path", ALL)
def test_help_fits_80_columns_and_cuts_no_description(path):
    lines = shown(path).splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []
    descriptions = shown(path).partition("Options:")[2]
    assert [line for line in descriptions.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("path", CALLED)
def test_help_shows_how_the_command_is_called(path):
    assert f"    {path}" in shown(path).partition("Example")[2]


def test_every_command_stands_in_one_section():
    named = [name for names in type(group).sections.values() for name in names]
    assert sorted(named) == sorted(group.commands)
    assert "Commands:" not in shown("ormlab")
