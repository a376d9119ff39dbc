"""What the tables say of the order of trials."""

from __future__ import annotations

from types import SimpleNamespace

from bundle.documents.results import CarryOver, Ends, OrderEffects, Trend
from ormlab.cli.tables import _order


def trend(ratio, p):
    return Trend(2.0, ratio, Ends(0.8, 1.2), p)


def cell(both, carry_over):
    order = OrderEffects(both, both, CarryOver({}, carry_over))
    compared = SimpleNamespace(baseline="a", candidate="b", metric="throughput", order=order)
    return SimpleNamespace(comparisons=[compared])


def test_what_chance_may_have_done_is_not_told():
    assert _order(cell(trend(0.99, 0.2), 0.5)) == []
    assert _order(cell(trend(1.0, None), None)) == []
    assert _order(cell(None, None)) == []


def test_each_trace_of_the_order_is_told_with_its_size():
    told = _order(cell(trend(0.9, 0.001), 0.002))
    assert [line.removeprefix("order, b / a, throughput: ") for line in told] == [
        "x 0.900 from the earliest to the latest place in a block (p 0.001)",
        "x 0.900 from the first block to the last (p 0.001)",
        "it depends on who ran before (p 0.002)",
    ]
