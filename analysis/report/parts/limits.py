"""Part 8: what this does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.generators import CLOSED
from analysis.report.blocks import Heading, Listing, Text
from analysis.tables import Row, Table, columns
from bundle.documents.results import GateVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block
    from analysis.report.material import Material
    from bundle.documents.results import Results

_BAD = (GateVerdict.WARNING, GateVerdict.FAILED)


def blocks(material: Material) -> tuple[Block, ...]:
    """The weaknesses of this run, then what no run of this kind can show."""
    made: list[Block] = [Listing(tuple(_weak(material)))]
    if assumptions := tuple(material.plan.assumptions):
        made += [Heading("Assumed where nothing was published"), Listing(assumptions)]
    if gates := tuple(_gates(material.results)):
        named = columns("Where", "Gate", "Verdict", "What it says")
        made.append(Table(f"Gates that did not pass: {len(gates)}", named, gates))
    elif not material.results.failures:
        made.append(Text("Every gate passed that could be read."))
    if failures := tuple(_failures(material.results)):
        named = columns("Trial", "Failure", "What happened")
        made.append(Table(f"Trials whose figures are not used: {len(failures)}", named, failures))
    if omitted := material.results.omitted:
        items = tuple(f"{each.path}: {each.reason}" for each in omitted)
        made += [Heading("Left out of this bundle"), Listing(items)]
    made += [Heading("Never shown by a bundle like this"), Listing(tuple(_never(material)))]
    return tuple(made)


def _weak(material: Material) -> Iterator[str]:
    for weakness in material.results.weaknesses:
        yield f"{weakness}."
    profile = material.plan.profile
    if profile == "smoke":
        yield "A smoke run shows that the whole path works. It gives estimates, and no verdict."
    elif profile == "vm":
        yield (
            "The host is a virtual machine: who else runs on its hardware is not known, and sizes "
            "may not carry over to other hosts."
        )
    if unknown := sorted(set(_unread(material.results))):
        yield f"Gates without a reading, which are not taken for passed: {', '.join(unknown)}."


def _never(material: Material) -> Iterator[str]:
    yield (
        "That the maker measured honestly. The seal shows that nothing was changed since; samples "
        "that were invented are found out only by running it again."
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
        yield "How long users of a service wait under a given rate of requests: no load was open."
    yield (
        "Which library to choose: code that is easy to get right, migrations, types and support "
        "are not measured here."
    )


def _gates(results: Results) -> Iterator[Row]:
    for gate in results.gates:
        if gate.verdict in _BAD:
            yield Row(("the run", gate.code, gate.verdict, gate.said))
    for cell in results.cells:
        where = f"{cell.workload} under {cell.load}"
        for told in cell.gates:
            if told.verdict in _BAD:
                verdict = f"{told.verdict}, {told.counts[told.verdict]} trials"
                yield Row((where, told.code, verdict, told.said))
        for pair in cell.pair_gates:
            if pair.verdict in _BAD:
                compared = f"{where}, {pair.candidate} / {pair.baseline}"
                yield Row((compared, pair.code, pair.verdict, pair.said))


def _unread(results: Results) -> Iterator[str]:
    unknown = GateVerdict.UNKNOWN
    yield from (gate.code for gate in results.gates if gate.verdict is unknown)
    for cell in results.cells:
        yield from (gate.code for gate in cell.gates if gate.counts.get(unknown))
        yield from (gate.code for gate in cell.pair_gates if gate.verdict is unknown)


def _failures(results: Results) -> Iterator[Row]:
    for failure in results.failures:
        yield Row((failure.trial, failure.code, failure.what))
