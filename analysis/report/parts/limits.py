"""Part 9: what the report does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.generators import CLOSED
from analysis.report.blocks import Listing, Text, counted, listed
from analysis.tables import Row, columns
from bundle.display import quantity
from bundle.documents.results import GateVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.results import CellGate, Results

_BAD = (GateVerdict.WARNING, GateVerdict.FAILED)


def blocks(material: Material) -> Iterator[Block]:
    """The weaknesses of this run, then what no run of this kind can show."""
    results = material.results
    yield Listing(tuple(_weak(material)))
    yield from listed("Assumed where nothing was published", material.plan.assumptions)
    gates = tuple(_gates(results, *_BAD))
    named = columns("Where", "Gate", "Verdict", "What it says")
    yield from counted("Gates that did not pass", named, gates)
    unknown = tuple(_gates(results, GateVerdict.UNKNOWN))
    caption = "Gates without a reading, which do not count as passed"
    yield from counted(caption, named, unknown, folded=True)
    if not gates and not results.failures:
        yield Text("Every gate passed that could be read.")
    failures = (Row((failed.trial, failed.code, failed.what)) for failed in results.failures)
    named = columns("Trial", "Failure", "What happened")
    yield from counted("Trials whose figures are not used", named, failures)
    omitted = (f"{each.path}: {each.reason}" for each in results.omitted)
    yield from listed("Left out of this bundle", omitted)
    yield from listed("Never shown by a bundle like this", _never(material))


def _weak(material: Material) -> Iterator[str]:
    for weakness in material.results.weaknesses:
        yield f"{weakness}."
    profile = material.plan.profile
    if profile == "smoke":
        yield "A smoke run shows that every step works. It gives estimates and no verdict."
    elif profile == "vm":
        yield (
            "The host is a virtual machine: nobody knows who else uses its hardware, and sizes may "
            "not carry over to other hosts."
        )


def _never(material: Material) -> Iterator[str]:
    yield (
        "That the maker measured honestly. The seal shows that nothing was changed since. Only "
        "running it again exposes invented samples."
    )
    yield (
        "What another host would show. Across hosts the direction of a difference may be compared, "
        "not its size."
    )
    yield (
        "What other versions, schemas, data, settings or mixes of operations would show: the "
        "figures are of the subjects, the workloads and the loads of this plan."
    )
    kinds = {cell.latency_kind for cell in material.results.cells}
    if kinds and kinds <= {CLOSED}:
        yield "How long users of a service wait at a given rate of requests: no load was open-loop."
    yield (
        "Which library to choose: code that is easy to get right, migrations, types and support "
        "are not measured here."
    )


def _gates(results: Results, *verdicts: GateVerdict) -> Iterator[Row]:
    """The gates with such a verdict, each cell's by its worst finding."""
    for gate in results.gates:
        if gate.verdict in verdicts:
            yield Row(("the run", gate.code, gate.verdict, gate.said))
    for cell in results.cells:
        where = f"{cell.workload} under {cell.load}"
        for told in cell.gates:
            if told.verdict in verdicts:
                yield Row((where, told.code, _counted(told), told.said))
        for pair in cell.pair_gates:
            if pair.verdict in verdicts:
                compared = f"{where}, {pair.candidate} / {pair.baseline}"
                yield Row((compared, pair.code, pair.verdict, pair.said))


def _counted(gate: CellGate) -> str:
    """``warning, 2 trials; unknown, 1 trial``: the worst verdict first."""
    return "; ".join(
        f"{verdict}, {quantity(gate.counts[verdict], 'trial')}"
        for verdict in (GateVerdict.FAILED, GateVerdict.WARNING, GateVerdict.UNKNOWN)
        if gate.counts.get(verdict)
    )
