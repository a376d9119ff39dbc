"""Generates the README of each role, and the list of all variables, from the specifications."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any

import yaml

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


def specifications() -> dict[str, dict[str, Any]]:
    """The specification of every role, by name."""
    return {
        path.parents[1].name: yaml.safe_load(path.read_bytes())["argument_specs"]
        for path in sorted(ROLES.glob("*/meta/argument_specs.yml"))
    }


def readmes() -> dict[str, str]:
    """The README of each role by its path, relative to docs/."""
    return {f"../roles/{name}/README.md": _readme(name, s) for name, s in specifications().items()}


def variables() -> dict[str, str]:
    """inventory/group_vars/bench.yml by its path, relative to docs/."""
    parts = [_VARIABLES]
    for name, specs in specifications().items():
        options = specs["main"].get("options", {})
        if options:
            parts.append(f"\n# {name}: {_lower(specs['main']['short_description'])}.\n")
            parts += [_commented(option, spec) for option, spec in options.items()]
    return {"../inventory/group_vars/bench.yml": "".join([*parts, _LAB])}


def _readme(name: str, specs: Mapping[str, Any]) -> str:
    main = specs["main"]
    lines = [f"# {name}\n", _MADE, f"{main['short_description']}.\n"]
    lines += [fill(f"- {_sentence(each)}", _WIDTH, subsequent_indent="  ") for each in _told(main)]
    lines += ["\n## Variables\n", *_table(main.get("options", {}))]
    lines += ["\n## Entry points\n", "| tasks_from | what |", "|---|---|"]
    lines += [f"| {point} | {spec['short_description']} |" for point, spec in specs.items()]
    return "\n".join(lines) + "\n"


def _table(options: Mapping[str, Any]) -> Iterator[str]:
    """Rows for the options; the options of a dict follow it."""
    if not options:
        yield "None."
        return
    yield "| variable | type | default | what |"
    yield "|---|---|---|---|"
    for path, spec in flat(options):
        choices = f"; one of {', '.join(spec['choices'])}" if "choices" in spec else ""
        what = f"{_sentence(spec['description'])[:-1]}{choices}"
        default = _default(spec).replace("|", "\\|")
        yield f"| `{path}` | {spec['type']} | {default} | {what} |"


def flat(options: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every option with its path, such as ``host_cpu.smt``; a dict comes before its own options."""
    for name, spec in options.items():
        path = f"{above}{name}"
        yield path, spec
        yield from flat(spec.get("options", {}), f"{path}.")


def _default(spec: Mapping[str, Any]) -> str:
    if "options" in spec:
        return "`{}`"
    text = yaml.safe_dump(
        spec.get("default"), default_flow_style=True, width=10_000, sort_keys=False
    )
    return f"`{text.removesuffix('...\n').strip()}`"


def _commented(name: str, spec: Mapping[str, Any]) -> str:
    """A variable as a commented-out setting, with its description above it."""
    if "options" not in spec:
        return f"{_comment(spec['description'])}{indent(_setting(name, spec), '# ')}"
    keys = [
        f"{_comment(inner['description'])}{_setting(key, inner)}"
        for key, inner in spec["options"].items()
    ]
    return f"# {name}:\n{indent(''.join(keys), '#   ')}"


def _comment(text: str) -> str:
    return indent(f"{fill(text, _WIDTH - 8)}\n", "# ")


def _setting(name: str, spec: Mapping[str, Any]) -> str:
    value = spec.get("default")
    if isinstance(value, str):
        return f"{name}: {_default(spec).strip('`')}\n"
    return yaml.safe_dump({name: value}, default_flow_style=False, sort_keys=False)


def _told(main: Mapping[str, Any]) -> list[str]:
    told = main["description"]
    return told if isinstance(told, list) else [told]


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]
