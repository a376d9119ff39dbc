"""How a group of commands shows them: by section, and every description whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WHOLE = 1000  # characters of a description: more than any has


class Group(click.Group):
    """Commands in sections.

    A pipe that breaks inside a command is a fault like any other. click takes each for a reader of
    standard output who left, and ends the program with 1 and without a word. The standard streams
    never raise it: see `ormlab.cli.streams`.
    """

    #: a title, and the names of the commands below it; those that it leaves out are "Commands"
    sections: ClassVar[Mapping[str, Sequence[str]]] = {}

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """As click does, but a broken pipe is no silent end."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as broken:
            raise RuntimeError("a pipe to another process broke") from broken

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names: by section, and then the rest."""
        named = [name for names in self.sections.values() for name in names]
        return [*named, *(name for name in super().list_commands(ctx) if name not in named)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections; click would cut a description that takes two lines."""
        named = [name for names in self.sections.values() for name in names]
        rest = [name for name in self.list_commands(ctx) if name not in named]
        for title, names in {**self.sections, "Commands": rest}.items():
            rows = [(name, self.commands[name].get_short_help_str(_WHOLE)) for name in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
