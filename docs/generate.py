"""Writes the pages of docs/ that are generated from the code: ``python docs/generate.py``.

A test compares the pages with the output of this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis import limits
from analysis.gates import page
from bundle import schemas
from docs import (
    cores,
    dashboards,
    documents,
    environments,
    failures,
    finding,
    picture,
    plans,
    roles,
)
from host.expectation import ANY, Severity
from host.items import BY_AREA, FACTS, ITEMS
from host.levels import PROFILES
from ormlab.base.errors import Exit
from ormlab.cli import group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from host.expectation import Expectation
    from host.item import Item

DOCS = Path(__file__).parent
_MADE = "<!-- made by docs/generate.py; `make docs` writes it anew -->\n"
_WIDTH = 80
_EXITS = {
    Exit.OK: "done",
    Exit.USAGE: "invalid plan, inventory or argument",
    Exit.VERIFICATION_FAILED: "a bundle failed its verification",
    Exit.REFUTED: "a claim was refuted, or two bundles differ (only with `--strict`)",
    Exit.INCONCLUSIVE: "a claim, the agreement of two bundles, or a limit is undecided (only with "
    "`--strict` or `--fail-if`)",
    Exit.HOST_GATE: "the host cannot measure under this profile",
    Exit.PROVISIONING: "a host or its disk could not be used",
    Exit.LOAD: "a service, a database or a load generator failed; or no trial of a run is usable",
    Exit.SLOWER: "a subject is slower than `ormlab compare --fail-if` allows",
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

No gate judges context switches and the time in which some task waited for a CPU. Each trial
records them, because they explain a number. Neither has a limit that applies to every host.
"""
_READINGS = """\
[`ormlab doctor`](doctor.md) and every run take these readings on a host. The table shows
the expected value under the profiles {profiles}, and in brackets the
severity of a breach. An unreadable value counts as a breach if the reading is marked *
and a breach is fatal.

All tables come from one registry, [host/items/](../host/items/__init__.py). To add an item, write
one entry there. A setting also needs its default and its description in the role that sets it; a
fact or a counter needs its field in `bundle/documents/`. Then run `make docs`."""
_EXPECTED = ("reading", "what it is", "should be", "why", "what to do", "source")
_FACTS = """\
A run records the facts of its hosts before and after (`host/facts.*.json` of a bundle). A star
marks those of the fingerprint, which decides whether the results of two runs are comparable.
"""
_COUNTERS = """\
A trial reads these counters before and after its window, and records the differences.
"""
_SETTINGS = """\
The roles change these settings, and `ormlab untune` restores them; see
[provisioning.md](provisioning.md). Those without a variable follow from the plan of the cores.
"""


def pages() -> dict[str, str]:
    """Every page by file name."""
    return {
        "cli.md": cli(),
        "cores.md": cores.page(_MADE),
        "documents.md": documents.page(_MADE),
        "environment.md": environments.page(_MADE),
        "failures.md": failures.page(_MADE),
        "plans.md": plans.page(_MADE),
        "readings.md": readings(),
        "gates.md": gates(),
        **roles.readmes(),
        **roles.variables(),
        **finding.pages(),
        **picture.pages(),
        **dashboards.pages(),
        **{f"../bundle/schemas/{name}": text for name, text in schemas.pages().items()},
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


def gates() -> str:
    """The validity gates: what they limit, how severe that is, why, and the limit's source."""
    lines = ["# Validity gates\n", _MADE, _GATES, *page.markdown()]
    return "\n".join(lines) + "\n"


def readings() -> str:
    """The items of a host: what is read, what it should be and why, kept, counted, and set."""
    lines = ["# Readings of a host\n", _MADE, _READINGS.format(profiles=", ".join(PROFILES))]
    for area, items in BY_AREA.items():
        rows = [_expected(item, item.expected) for item in items if item.expected]
        lines += _table(area.capitalize(), _EXPECTED, rows)
    facts = [
        (
            f"`{key}`{'*' if fact.identity else ''}",
            f"`{item.key}`",
            fact.meaning or _measured(item),
            item.source,
        )
        for key, (item, fact) in FACTS.items()
    ]
    lines += _table("Facts", ("fact", "item", "what it is", "source"), facts, _FACTS)
    counted = [
        (f"`{each.counter.key or each.key}`", each.counter.meaning or each.meaning, each.source)
        for each in ITEMS
        if each.counter
    ]
    lines += _table("Counters", ("counter", "what it counts", "source"), counted, _COUNTERS)
    knobs = [
        (f"`{each.knob.name}`", each.meaning, roles.variable_of(each.knob.name))
        for each in ITEMS
        if each.knob
    ]
    lines += _table("Settings", ("setting", "what it is", "variable"), knobs, _SETTINGS)
    return "\n".join(lines) + "\n"


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], before: str = ""
) -> list[str]:
    """A section with one table; nothing without rows."""
    if not rows:
        return []
    cells = [[cell.replace("|", "/") for cell in row] for row in rows]
    first, *rest = [f"| {' | '.join(row)} |" for row in (head, *cells)]
    return [
        f"\n## {title}\n",
        *([before] if before else []),
        first,
        "|---" * len(head) + "|",
        *rest,
    ]


def _expected(item: Item, expected: Expectation) -> tuple[str, ...]:
    by_limit: dict[str, list[str]] = {}
    for profile in PROFILES:
        limit = expected.under(profile)
        severity = expected.rule.severity(profile, None)
        breach = "" if limit == ANY else f" [{severity.value}]"
        by_limit.setdefault(f"{limits.says(limit, item.unit)}{breach}", []).append(profile)
    told = [
        limit if len(profiles) == len(PROFILES) else f"{', '.join(profiles)}: {limit}"
        for limit, profiles in by_limit.items()
    ]
    required = expected.required and expected.rule.bare_metal is Severity.FATAL
    name = f"`{item.key}`{'*' if required else ''}"
    return (name, _measured(item), "; ".join(told), item.why, item.do, item.source)


def _measured(item: Item) -> str:
    return f"{item.meaning}, {item.unit}" if item.unit else item.meaning


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from _commands(child, f"{path} {name}")


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (DOCS / name).write_text(text)


if __name__ == "__main__":
    main()
