"""Part 8: what this does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Heading, Listing, Row, Table, Text, columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.report.blocks import Block
    from analysis.report.material import Material

_BAD = ("warning", "failed")


def blocks(material: Material) -> tuple[Block, ...]:
    """The weaknesses of this run, then what no run of this kind can show."""
    made: list[Block] = [Listing(tuple(_weak(material)))]
    if assumptions := tuple(material.plan["assumptions"]):
        made += [Heading("Assumed where nothing was published"), Listing(assumptions)]
    if gates := tuple(_gates(material.results)):
        named = columns("Where", "Gate", "Verdict", "What it says")
        made.append(Table(f"Gates that did not pass: {len(gates)}", named, gates))
    elif not material.results["failures"]:
        made.append(Text("Every gate passed that could be read."))
    if failures := tuple(_failures(material.results)):
        named = columns("Trial", "Failure", "What happened")
        made.append(Table(f"Trials whose figures are not used: {len(failures)}", named, failures))
    if omitted := material.results["omitted"]:
        items = tuple(f"{each['path']}: {each['reason']}" for each in omitted)
        made += [Heading("Left out of this bundle"), Listing(items)]
    made += [Heading("Never shown by a bundle like this"), Listing(tuple(_never(material)))]
    return tuple(made)


def _weak(material: Material) -> Iterator[str]:
    for weakness in material.results["weaknesses"]:
        yield f"{weakness}."
    profile = material.plan["profile"]
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
    kinds = {cell["latency_kind"] for cell in material.results["cells"]}
    if kinds and kinds <= {"closed-loop service time"}:
        yield "How long users of a service wait under a given rate of requests: no load was open."
    yield (
        "Which library to choose: code that is easy to get right, migrations, types and support "
        "are not measured here."
    )


def _gates(results: Mapping[str, Any]) -> Iterator[Row]:
    for gate in results["gates"]:
        if gate["verdict"] in _BAD:
            yield Row(("the run", gate["code"], gate["verdict"], gate["said"]))
    for cell in results["cells"]:
        where = f"{cell['workload']} under {cell['load']}"
        for gate in cell["gates"]:
            if gate["verdict"] in _BAD:
                count = gate["counts"][gate["verdict"]]
                verdict = f"{gate['verdict']}, {count} trials"
                yield Row((where, gate["code"], verdict, gate["said"]))
        for gate in cell["pair_gates"]:
            if gate["verdict"] in _BAD:
                pair = f"{where}, {gate['candidate']} / {gate['baseline']}"
                yield Row((pair, gate["code"], gate["verdict"], gate["said"]))


def _unread(results: Mapping[str, Any]) -> Iterator[str]:
    yield from (gate["code"] for gate in results["gates"] if gate["verdict"] == "unknown")
    for cell in results["cells"]:
        yield from (gate["code"] for gate in cell["gates"] if gate["counts"].get("unknown"))
        yield from (gate["code"] for gate in cell["pair_gates"] if gate["verdict"] == "unknown")


def _failures(results: Mapping[str, Any]) -> Iterator[Row]:
    for failure in results["failures"]:
        yield Row((failure["trial"], failure["code"], failure["what"]))
