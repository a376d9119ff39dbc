"""What the tables say of the order of trials."""

from __future__ import annotations

from ormlab.cli.tables import _order


def cell(**effects):
    none = {"position": None, "drift": None, "carry_over": {"ratios": {}, "p": None}}
    names = {"baseline": "a", "candidate": "b", "metric": "throughput"}
    return {"comparisons": [{**names, "order": none | effects}]}


def test_what_chance_may_have_done_is_not_told():
    quiet = {"span": 2, "ratio": 0.99, "ci95": {}, "p": 0.2}
    assert _order(cell(drift=quiet, position=quiet, carry_over={"ratios": {}, "p": 0.5})) == []


def test_each_trace_of_the_order_is_told_with_its_size():
    moved = {"span": 2, "ratio": 0.9, "ci95": {}, "p": 0.001}
    told = _order(cell(drift=moved, position=moved, carry_over={"ratios": {}, "p": 0.002}))
    assert [line.removeprefix("order, b / a, throughput: ") for line in told] == [
        "x 0.900 from the earliest to the latest place in a block (p 0.001)",
        "x 0.900 from the first block to the last (p 0.001)",
        "it depends on who ran before (p 0.002)",
    ]
