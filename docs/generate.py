"""Writes the pages of docs/ that are made from the code: ``python docs/generate.py``.

A test holds the pages against what this would write.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ormlab.cli import group
from ormlab.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent
ROOT = DOCS.parent
_MADE = "<!-- made by docs/generate.py; `make docs` writes it anew -->\n"
_WIDTH = 100
_EXITS = {
    Exit.OK: "done",
    Exit.USAGE: "a plan, an inventory or an argument that cannot be meant",
    Exit.VERIFICATION_FAILED: "a bundle does not hold what it says",
    Exit.REFUTED: "a claim was refuted (only with `--strict`)",
    Exit.INCONCLUSIVE: "a comparison was inconclusive (only with `--strict`)",
    Exit.HOST_GATE: "the host must not be measured on",
    Exit.PROVISIONING: "a host could not be reached or set up",
    Exit.LOAD: "a service, a database or a load generator could not do its work",
    Exit.INTERRUPTED: "interrupted; what was measured is sealed as aborted",
}


def pages() -> dict[str, str]:
    """Every page by file name."""
    return {"cli.md": cli(), "failures.md": failures()}


def cli() -> str:
    """The command line: every command's help, and the exit codes."""
    lines = ["# The command line\n", _MADE]
    for path, command in _commands(group, "ormlab"):
        with click.Context(command, info_name=path, max_content_width=_WIDTH) as context:
            context.terminal_width = _WIDTH
            lines.append(f"## {path}\n\n```\n{command.get_help(context)}\n```\n")
    lines.append("## Exit codes\n\n| code | when |\n|---|---|")
    lines += [f"| {int(code)} | {_EXITS[code]} |" for code in Exit]
    return "\n".join(lines) + "\n"


def failures() -> str:
    """The codes of failed orders and trials, as they stand in the code."""
    lines = [
        "# Failures\n",
        _MADE,
        "A failed trial stays in its bundle with one of these codes; the run goes on. The same",
        "codes stand in the `problems` of a `--json` document when a whole run fails.\n",
        "| code | what happened | where it is raised |\n|---|---|---|",
    ]
    lines += [f"| `{code}` | {what} | {where} |" for code, what, where in sorted(_raised())]
    return "\n".join(lines) + "\n"


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from _commands(child, f"{path} {name}")


def _raised() -> set[tuple[str, str, str]]:
    """Code, message and module of every failure that the source makes."""
    found = set()
    for folder in ("agent", "ormlab", "workloads/load"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _is_failure(node):
                    code, what = node.args[:2]
                    where = path.relative_to(ROOT).as_posix()
                    choices = (code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,)
                    found |= {
                        (str(choice.value), _text(what), f"`{where}`")
                        for choice in choices
                        if isinstance(choice, ast.Constant)
                    }
    return found


def _is_failure(call: ast.Call) -> bool:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    return name.endswith(("Failure", "Error", "Interrupted")) and len(call.args) > 1


def _text(node: ast.expr) -> str:
    """A message with ``...`` where the code fills something in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values
        )
    return "..."


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (DOCS / name).write_text(text)


if __name__ == "__main__":
    main()
