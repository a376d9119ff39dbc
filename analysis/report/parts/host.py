"""Part 7: the host before and after the run, what moved, and what is not as it should be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from analysis.host import Verdict, judge, shown
from analysis.report.blocks import Cell, Facts, Row, Table, Text, columns
from analysis.rounding import UNKNOWN, significant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from analysis.host import Finding
    from analysis.report.blocks import Block
    from analysis.report.material import Material

    type _When = Literal["before", "after"]

_MARKS = {Verdict.OK: "good", Verdict.WARNING: "open", Verdict.FATAL: "bad", Verdict.UNKNOWN: ""}
_BYTES = "_bytes"


def blocks(material: Material) -> tuple[Block, ...]:
    """Where the processes ran, facts that moved, readings that are not as they should be."""
    before = material.host["facts.before"]
    made: list[Block] = [Facts(tuple(_placed(material, before)))]
    if material.hosts:
        made.append(_apart(material.hosts))
    if facts := before.get("facts", {}):
        # Of a run that was cut short nobody looked again, which is not that nothing moved.
        made += _facts(facts, material.host["facts.after"].get("facts", facts))
    made += _readings(material)
    return tuple(made)


def _placed(material: Material, before: Mapping[str, Any]) -> list[tuple[str, str]]:
    placement = before.get("placement", {})
    rows = [("Fingerprint", material.record.host or "never taken")]
    if tier := placement.get("tier"):
        rows.append(("Tier", str(tier)))
    rows += [
        (f"CPUs of {role}", ", ".join(map(str, placement[role])))
        for role in ("service", "database", "load", "housekeeping")
        if placement.get(role)
    ]
    moved = ", ".join(sorted(material.host["drift"])) or "no fact differs after the run"
    looked = bool(material.host["facts.after"])
    rows.append(("Drift", moved if looked else "the host was not looked at after the run"))
    return rows


def _apart(hosts: Mapping[str, Mapping[str, Any]]) -> Table:
    """The hosts of a run that had several; what follows is of the one with the services."""
    purposes = {"app": "service", "db": "database", "load": "load"}
    rows = []
    for roles, facts in hosts.items():
        placement = facts.get("placement", {})
        cpus = [
            f"{purposes[role]}: {', '.join(map(str, placement.get(purposes[role], ())))}"
            for role in roles.split(", ")
        ]
        model = str(facts.get("facts", {}).get("cpu_model", UNKNOWN))
        rows.append(Row((roles, model, "\n".join(cpus), str(placement.get("tier", UNKNOWN)))))
    named = columns("Host of", "Processor", "CPUs", "Tier")
    return Table(
        "Hosts that were apart; what follows is of that of the services", named, tuple(rows)
    )


def _facts(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Block]:
    """Every fact, those that moved first; L2 forbids that one of the fingerprint does."""
    moved: list[Row] = []
    still: list[Row] = []
    for name in sorted(before.keys() | after.keys()):
        first, then = _said(name, before.get(name)), _said(name, after.get(name))
        row = Row((name.removesuffix(_BYTES).replace("_", " "), first, then))
        (still if first == then else moved).append(row)
    named = columns("Fact", "Before", "After")
    made: list[Block] = []
    if moved:
        made.append(Table(f"Facts that moved: {len(moved)}", named, tuple(moved)))
    if still:
        made.append(
            Table(f"Facts that did not move: {len(still)}", named, tuple(still), folded=True)
        )
    return made


def _said(name: str, value: object) -> str:
    if isinstance(value, float):
        return significant(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return shown(value, "bytes" if name.endswith(_BYTES) else None)


def _readings(material: Material) -> list[Block]:
    by_time = _judged(material, "before"), _judged(material, "after")
    if not by_time[0]:
        return [Text("The readings of the host were not taken.")]
    profile = material.plan["profile"]
    poor: list[Row] = []
    rest: list[Row] = []
    for key, finding in by_time[0].items():
        later = by_time[1].get(key)
        worst = max(finding.verdict, later.verdict if later else finding.verdict, key=_badness)
        row = Row(
            (
                key.replace("_", " "),
                _value(finding),
                _value(later),
                finding.should_be,
                Cell(worst.value, mark=_MARKS[worst]),
                finding.why if worst is not Verdict.OK else "",
            )
        )
        (poor if worst in {Verdict.WARNING, Verdict.FATAL} else rest).append(row)
    named = columns("Reading", "Before", "After", f"Should be ({profile})", "Verdict", "Why")
    made: list[Block] = []
    if poor:
        made.append(
            Table(f"Readings that are not as they should be: {len(poor)}", named, tuple(poor))
        )
    if rest:
        made.append(Table(f"The other readings: {len(rest)}", named, tuple(rest), folded=True))
    return made


def _judged(material: Material, when: _When) -> dict[str, Finding]:
    document = material.host[f"readings.{when}"]
    if not document:
        return {}
    return {each.key: each for each in judge(document, material.plan["profile"])}


def _value(finding: Finding | None) -> str:
    if finding is None:
        return UNKNOWN
    return shown(finding.value, finding.unit)


def _badness(verdict: Verdict) -> int:
    return (Verdict.OK, Verdict.UNKNOWN, Verdict.WARNING, Verdict.FATAL).index(verdict)
