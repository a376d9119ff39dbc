"""Writes the pages of docs/ that are generated from the code: ``python docs/generate.py``.

A test compares the pages with the output of this module.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.readings import READINGS
from analysis.gates import page
from analysis.host import EXPECTATIONS, PROFILES
from docs import environments, finding, picture, roles
from ormlab.base.errors import Exit
from ormlab.cli import group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.readings import Reading
    from analysis.host import Expectation

DOCS = Path(__file__).parent
ROOT = DOCS.parent
_MADE = "<!-- made by docs/generate.py; `make docs` writes it anew -->\n"
_WIDTH = 100
_EXITS = {
    Exit.OK: "done",
    Exit.USAGE: "invalid plan, inventory or argument",
    Exit.VERIFICATION_FAILED: "a bundle failed its verification",
    Exit.REFUTED: "a claim was refuted, or two bundles differ (only with `--strict`)",
    Exit.INCONCLUSIVE: "a claim, or the agreement of two bundles, is undecided (only with "
    "`--strict`)",
    Exit.HOST_GATE: "the host cannot measure under this profile",
    Exit.PROVISIONING: "a host or its disk could not be used",
    Exit.LOAD: "a service, a database or a load generator failed; or no trial of a run is usable",
    Exit.INTERRUPTED: "interrupted; the lab sealed what was measured as aborted",
}
_GATES = """\
A gate reads one number from the files of a bundle and compares it with a limit. Profile and tier
decide the consequence: a **fatal** gate rejects the figures, a **warning** is printed with them.
`derived/results.json` holds every gate of every cell with its worst number. `ormlab judge` computes
all of them again from the sealed files only.

| verdict | when |
|---|---|
| passed | the number was read and lies inside the limits |
| unknown | the number could not be read; it never counts as 0 |
| warning | the number lies outside, and the gate is not fatal under this profile and tier |
| failed | the number lies outside and the gate is fatal; or, under the profile bare-metal, a \
fatal gate could not read it, unless the table allows that |

No gate judges context switches, the time in which some task waited for a CPU, and the CPUs'
frequencies. Each trial records them, because they explain a number. None of them has a limit that
applies to every host.
"""


def pages() -> dict[str, str]:
    """Every page by file name."""
    return {
        "cli.md": cli(),
        "environment.md": environments.page(_MADE),
        "failures.md": failures(),
        "readings.md": readings(),
        "gates.md": gates(),
        **roles.readmes(),
        **roles.variables(),
        **finding.pages(),
        **picture.pages(),
    }


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
        "A failed trial stays in its bundle with one of these codes, and the run continues. If a",
        "whole command fails, the `problems` of its `--json` document have the same codes. `...`",
        "stands for a detail that the program fills in.\n",
        "| code | what happened | where it is raised |\n|---|---|---|",
    ]
    lines += [f"| `{code}` | {what} | {where} |" for code, what, where in sorted(_raised())]
    return "\n".join(lines) + "\n"


def gates() -> str:
    """The validity gates: what they limit, how severe that is, why, and the limit's source."""
    lines = ["# Validity gates\n", _MADE, _GATES, *page.markdown()]
    return "\n".join(lines) + "\n"


def readings() -> str:
    """The readings of a host: what each is, what it should be, and why, by area."""
    lines = [
        "# Readings of a host\n",
        _MADE,
        "[`ormlab doctor`](doctor.md) and every run take these readings on a host. The table shows",
        f"the expected value under the profiles {', '.join(PROFILES)}, and in brackets the",
        "severity of a breach. An unreadable value counts as a breach if the reading is marked *",
        "and a breach is fatal.",
    ]
    taken = {reading.key: reading for reading in READINGS}
    for area in dict.fromkeys(each.area for each in EXPECTATIONS):
        lines.append(f"\n## {area.capitalize()}\n")
        lines.append("| reading | what it is | should be | why | what to do | source |")
        lines.append("|---|---|---|---|---|---|")
        lines += [_row(taken[each.key], each) for each in EXPECTATIONS if each.area == area]
    return "\n".join(lines) + "\n"


def _row(reading: Reading, expected: Expectation) -> str:
    by_limit: dict[str, list[str]] = {}
    for profile in PROFILES:
        says = expected.limits[profile].says
        breach = "" if says == "recorded" else f" [{expected.breach[profile].value}]"
        by_limit.setdefault(f"{says}{breach}", []).append(profile)
    limits = [
        limit if len(profiles) == len(PROFILES) else f"{', '.join(profiles)}: {limit}"
        for limit, profiles in by_limit.items()
    ]
    name = f"`{reading.key}`{'*' if expected.required else ''}"
    meaning = f"{reading.meaning}, {reading.unit}" if reading.unit else reading.meaning
    cells = (name, meaning, "; ".join(limits), expected.why, expected.do, reading.source)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


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
                if isinstance(node, ast.Call) and (told := _told(node)):
                    code, what = told
                    where = path.relative_to(ROOT).as_posix()
                    choices = (code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,)
                    found |= {
                        (str(choice.value), _text(what), f"`{where}`")
                        for choice in choices
                        # An error of a library may take something else first.
                        if isinstance(choice, ast.Constant) and isinstance(choice.value, str)
                    }
    return found


def _told(call: ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """The code and the message of a call that makes a failure; None of any other call."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    given = dict(zip(("code", "what"), call.args, strict=False))
    given |= {each.arg: each.value for each in call.keywords if each.arg}
    if not name.endswith(("Failure", "Error", "Interrupted", "Obstacle")) or not {
        "code",
        "what",
    } <= set(given):
        return None
    return given["code"], given["what"]


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
