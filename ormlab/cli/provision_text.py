"""What a playbook does, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bundle.display import visible

if TYPE_CHECKING:
    from ormlab.provision import Began, Ended, Play

_TOLD = ("changed", "failed", "unreachable")


class Lines:
    """The news of a playbook on standard error: a line for each task, one for each effect."""

    def stage(self, what: str) -> None:
        """A playbook begins."""
        click.echo(f"- {visible(what)}", err=True)

    def began(self, task: Began) -> None:
        """A task begins."""
        click.echo(f"  {visible(str(task))}", err=True)

    def ended(self, task: Ended) -> None:
        """A task has ended on one host."""
        if task.outcome in _TOLD:
            reason = f": {task.reason}" if task.reason else ""
            click.echo(f"    {task.outcome.value} on {task.host}{visible(reason)}", err=True)


def sentence(played: Play) -> str:
    """What the play came to, in one sentence."""
    changes = sum(task.outcome == "changed" for task in played.tasks)
    would = "would change" if played.dry else "changed"
    names = ", ".join(host.name for host in played.hosts)
    ended = f"not to its end on {', '.join(sorted(played.failed))}; " if played.failed else ""
    return (
        f"{played.playbook} on {names}: {ended}{changes} of {len(played.tasks)} tasks {would} "
        f"something, in {played.seconds:.0f} s."
    )


def play_text(played: Play) -> str:
    """The sentence, and every change by host."""
    lines = [sentence(played)]
    for host in played.hosts:
        changes = [t for t in played.tasks if t.host == host.name and t.outcome == "changed"]
        if changes:
            lines += ["", f"{host.name}:", *(f"  {task.name}" for task in changes)]
    return "\n".join(lines)
