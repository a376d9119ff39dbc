"""Generates the README of each role, and the list of all variables, from the specifications."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill, indent
from typing import TYPE_CHECKING

import msgspec
import yaml
from msgspec import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
ROLES = ROOT / "roles"
_MADE = "<!-- made from meta/argument_specs.yml; `make docs` writes it anew -->\n"
_WIDTH = 100
_VARIABLES = """\
---
# Every variable that a user may set, with its default. `make docs` writes this file from the roles'
# specifications. Copy this folder with your inventory, and remove the # from what you change. In a
# dict, a missing key keeps its default. Put variables of one host into its entry in the inventory.
# The README of each role and docs/provisioning.md explain the variables.
"""
_LAB = """
# Variables of the orchestrator.
# lab_root: /srv/ormlab    # folder of the lab's state on the host
# lab_address: 192.0.2.7    # address for the other hosts of a run; default: ansible_host
# lab_user: ormlab    # account that does the work there, by sudo; default: the login user
# lab_python: /usr/bin/python3.13    # CPython 3.13 on the host
# lab_uv: /usr/local/bin/uv    # uv on the host
# lab_service_port: 18080    # first TCP port of the services; default: a run draws free ports
# lab_postgres_port: 15432    # TCP port of PostgreSQL; default: a run draws a free one
# lab_postgres_binaries: /usr/lib/postgresql/16/bin    # programs of PostgreSQL 16 on the host
# lab_postgres_cluster: /etc/postgresql/16/ormlab    # of postgresql_bench; default: the run's own
"""


class Option(msgspec.Struct, forbid_unknown_fields=True):
    """A variable of a role, or a key of one."""

    type: str  #: as Ansible names it
    description: str
    default: object = UNSET
    required: bool = False
    elements: str | None = None  #: type of the elements of a list
    choices: list[str] | None = None
    options: dict[str, Option] = {}  #: keys of a dict

    def value(self, otherwise: object = None) -> object:
        """The default, or another value where it has none."""
        return otherwise if self.default is UNSET else self.default


class Point(msgspec.Struct, forbid_unknown_fields=True):
    """An entry point of a role: what it does, in one phrase and in sentences, and its variables."""

    short_description: str
    description: str | list[str] = []
    options: dict[str, Option] = {}


type Points = dict[str, Point]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    argument_specs: Points


def specifications() -> dict[str, Points]:
    """The entry points of every role, by name."""
    return {
        path.parents[1].name: msgspec.convert(
            yaml.safe_load(path.read_bytes()), _File
        ).argument_specs
        for path in sorted(ROLES.glob("*/meta/argument_specs.yml"))
    }


def variable_of(knob: str) -> str:
    """The variable of a role that sets a knob, as Markdown; ``-`` where none does."""
    for name, specs in specifications().items():
        for path, _ in flat(specs["main"].options):
            if name.startswith("host_") and path == f"{name}.{knob}":
                return f"[`{path}`](../roles/{name}/README.md)"
    return "-"


def readmes() -> dict[str, str]:
    """The README of each role by its path, relative to docs/."""
    return {f"../roles/{name}/README.md": _readme(name, s) for name, s in specifications().items()}


def variables() -> dict[str, str]:
    """inventory/group_vars/bench.yml by its path, relative to docs/."""
    parts = [_VARIABLES]
    for name, specs in specifications().items():
        options = specs["main"].options
        if options:
            parts.append(f"\n# {name}: {_lower(specs['main'].short_description)}.\n")
            parts += [_commented(option, spec) for option, spec in options.items()]
    return {"../inventory/group_vars/bench.yml": "".join([*parts, _LAB])}


def _readme(name: str, specs: Points) -> str:
    main = specs["main"]
    lines = [f"# {name}\n", _MADE, f"{main.short_description}.\n"]
    lines += [fill(f"- {_sentence(each)}", _WIDTH, subsequent_indent="  ") for each in _told(main)]
    lines += ["\n## Variables\n", *_table(main.options)]
    lines += ["\n## Entry points\n", "| tasks_from | what |", "|---|---|"]
    lines += [f"| {point} | {spec.short_description} |" for point, spec in specs.items()]
    return "\n".join(lines) + "\n"


def _table(options: Mapping[str, Option]) -> Iterator[str]:
    """Rows for the options; the options of a dict follow it."""
    if not options:
        yield "None."
        return
    yield "| variable | type | default | what |"
    yield "|---|---|---|---|"
    for path, spec in flat(options):
        choices = f"; one of {', '.join(spec.choices)}" if spec.choices else ""
        what = f"{_sentence(spec.description)[:-1]}{choices}"
        default = _default(spec).replace("|", "\\|")
        yield f"| `{path}` | {spec.type} | {default} | {what} |"


def flat(options: Mapping[str, Option], above: str = "") -> Iterator[tuple[str, Option]]:
    """Every option with its path, such as ``host_cpu.smt``; a dict comes before its own options."""
    for name, spec in options.items():
        path = f"{above}{name}"
        yield path, spec
        yield from flat(spec.options, f"{path}.")


def _default(spec: Option) -> str:
    if spec.options:
        return "`{}`"
    text = yaml.safe_dump(spec.value(), default_flow_style=True, width=10_000, sort_keys=False)
    return f"`{text.removesuffix('...\n').strip()}`"


def _commented(name: str, spec: Option) -> str:
    """A variable as a commented-out setting, with its description above it."""
    if not spec.options:
        return f"{_comment(spec.description)}{indent(_setting(name, spec), '# ')}"
    keys = [
        f"{_comment(inner.description)}{_setting(key, inner)}"
        for key, inner in spec.options.items()
    ]
    return f"# {name}:\n{indent(''.join(keys), '#   ')}"


def _comment(text: str) -> str:
    return indent(f"{fill(text, _WIDTH - 8)}\n", "# ")


def _setting(name: str, spec: Option) -> str:
    value = spec.value()
    if isinstance(value, str):
        return f"{name}: {_default(spec).strip('`')}\n"
    return yaml.safe_dump({name: value}, default_flow_style=False, sort_keys=False)


def _told(main: Point) -> list[str]:
    return main.description if isinstance(main.description, list) else [main.description]


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]
