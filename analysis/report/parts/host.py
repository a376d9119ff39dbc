"""Part 8: the host before and after the run, what moved, and what is not as it should be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from analysis.gates.host import FREQUENCY, TEMPERATURE
from analysis.host import judge
from analysis.limits import shown
from analysis.report.blocks import Facts, Text, counted
from analysis.rounding import UNKNOWN, significant
from analysis.tables import Cell, Row, Table, columns
from analysis.tables.software import software
from bundle.codec import Part, plain
from bundle.documents.results import GateVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.host import Finding
    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.host import Facts as HostsFacts
    from bundle.documents.host import HostFacts, HostReadings, Placement
    from host.levels import Profile

_MARKS = {
    GateVerdict.PASSED: "good",
    GateVerdict.WARNING: "open",
    GateVerdict.FAILED: "bad",
    GateVerdict.UNKNOWN: "",
}
_BYTES = "_bytes"
_NOT_READ = "the host was not read"


def blocks(material: Material) -> Iterator[Block]:
    """Where the processes ran, facts that moved, readings that are not as they should be."""
    before, after = material.before.facts, material.after.facts
    yield Facts(tuple(_placed(material, before)))
    if material.results.software:
        yield software(material.results)
    if material.hosts:
        yield _apart(material.hosts)
    if before:
        # After a run that was cut short the lab did not read the host again: nothing is compared.
        yield from _facts(before.facts, (after or before).facts)
    yield from _readings(material)
    yield from counted(
        "Clocks and heat in the windows, by the worst trial",
        columns("Where", "Gate", "Verdict", "What it says"),
        list(_paced(material)),
    )


def _placed(material: Material, before: HostFacts | None) -> Iterator[tuple[str, str]]:
    yield "Fingerprint", material.record.host or "never taken"
    if before:
        yield "Tier", before.placement.tier
        for purpose, cpus in _cpus(before.placement).items():
            if cpus:
                yield f"CPUs of {purpose}", ", ".join(map(str, cpus))
    moved = ", ".join(sorted(material.drift)) or "no fact changed during the run"
    looked = material.after.facts is not None
    yield "Drift", moved if looked else "the host was not read after the run"


def _cpus(placement: Placement) -> dict[str, list[int]]:
    purposes = ("service", "database", "load", "housekeeping")
    return {purpose: getattr(placement, purpose) for purpose in purposes}


def _apart(hosts: Mapping[str, HostFacts | None]) -> Table:
    """The hosts of a run that had several; the rest of the part is about the services' host."""
    purposes = {"app": "service", "db": "database", "load": "load"}
    rows = []
    for roles, told in hosts.items():
        if told is None:
            rows.append(Row((roles, _NOT_READ, UNKNOWN, UNKNOWN)))
            continue
        placed = _cpus(told.placement)
        cpus = [
            f"{purposes[role]}: {', '.join(map(str, placed[purposes[role]]))}"
            for role in roles.split(", ")
        ]
        model = told.facts.cpu_model or UNKNOWN
        rows.append(Row((roles, model, "\n".join(cpus), told.placement.tier)))
    named = columns("Host of", "Processor", "CPUs", "Tier")
    return Table(
        "Hosts that were apart; the rest of this part is about the host of the services",
        named,
        tuple(rows),
    )


def _facts(before: HostsFacts, after: HostsFacts) -> Iterator[Table]:
    """Every fact, those that moved first; none of the fingerprint's facts may (level L2)."""
    moved: list[Row] = []
    still: list[Row] = []
    for name in sorted(before.__struct_fields__):
        first, then = (_said(name, getattr(each, name)) for each in (before, after))
        row = Row((name.removesuffix(_BYTES).replace("_", " "), first, then))
        (still if first == then else moved).append(row)
    named = columns("Fact", "Before", "After")
    yield from counted("Facts that moved", named, moved)
    yield from counted("Facts that did not move", named, still, folded=True)


def _said(name: str, value: object) -> str:
    if isinstance(value, float):
        return significant(value)
    if isinstance(value, Part):
        value = plain(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return shown(value, "bytes" if name.endswith(_BYTES) else None)


def _readings(material: Material) -> Iterator[Block]:
    profile = material.plan.profile
    before, after = (_judged(each.readings, profile) for each in (material.before, material.after))
    if not before:
        yield Text("The readings of the host were not taken.")
    poor: list[Row] = []
    rest: list[Row] = []
    for key, finding in before.items():
        later = after.get(key)
        worst = max((finding, later or finding), key=lambda each: _badness(each.verdict))
        row = Row(
            (
                key.replace("_", " "),
                finding.shown,
                later.shown if later else _NOT_READ,
                finding.should_be,
                Cell(worst.word, mark=_MARKS[worst.verdict]),
                finding.why if worst.verdict is not GateVerdict.PASSED else "",
            )
        )
        (poor if worst.verdict in {GateVerdict.WARNING, GateVerdict.FAILED} else rest).append(row)
    named = columns("Reading", "Before", "After", f"Should be ({profile})", "Verdict", "Why")
    yield from counted("Readings that are not as they should be", named, poor)
    yield from counted("The other readings", named, rest, folded=True)


def _paced(material: Material) -> Iterator[Row]:
    """What was seen of clocks and heat; bundles of earlier versions tell nothing of them."""
    for cell in material.results.cells:
        for gate in cell.gates:
            if gate.code in {FREQUENCY, TEMPERATURE}:
                verdict = Cell(gate.verdict, mark=_MARKS[gate.verdict])
                where = f"{cell.workload} under {cell.load}"
                yield Row((where, gate.code, verdict, gate.said))


def _judged(readings: HostReadings | None, profile: Profile) -> dict[str, Finding]:
    return {each.key: each for each in judge(readings, profile)} if readings else {}


def _badness(verdict: GateVerdict) -> int:
    return list(GateVerdict).index(verdict)
