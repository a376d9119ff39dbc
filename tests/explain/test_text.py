"""How an explanation is told: lines of a waterfall, causes by size, several side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from analysis.contributions import Widening
from analysis.explanation import _conclusion
from analysis.tables import explanation as tables
from analysis.waterfall import waterfall as split
from analysis.waterfall import way
from bundle.documents.explanation import ExplainedCell, Explanation
from ormlab.cli.explain import side_by_side
from ormlab.cli.waterfall import waterfall
from ormlab.judging.explain import Explained
from tests.explain.sessions import EXPLANATION, TIMES, TOTAL_TIME, session


def explanation(figures, *, widening=None):
    fall = split(way(EXPLANATION), figures, widening=widening)
    cell = ExplainedCell(
        workload="read",
        load="wrk",
        blocks=len(fall.blocks),
        dropped=fall.dropped,
        excess=widening.excess if widening else None,
        total=fall.whole,
        parts=list(fall.parts),
        discrepancy=fall.discrepancy,
        subjects={},
    )
    return Explanation(
        schema="explanation/2",
        bundle="20261130T000000Z-00000000",
        from_="a",
        to="b",
        conclusion=_conclusion(EXPLANATION, [cell], "a toy"),
        weaknesses=["a toy"],
        cells=[cell],
    )


@pytest.fixture
def known():
    return explanation(session(3, trial_sd=0.001), widening=Widening())


def test_each_bar_begins_where_the_one_before_it_ends(known):
    lines = list(waterfall(known, known.cells[0]))
    bars = [re.fullmatch(r"  (\S+) +(\S+)  ( *)([-+#|]+)", line).groups() for line in lines]
    assert [name for name, *_ in bars] == ["a", "x", "y", "residual", "w", "z", "b"]
    at = len(bars[0][3])
    assert at == 60  # the first subject has the longest time
    for _, shown, before, bar in bars[1:-1]:
        low, high = len(before), len(before) + len(bar)
        saves = shown.startswith("-")
        assert set(bar) == {"-" if saves else "+"}
        assert at == (high if saves else low)
        at = low if saves else high
    assert at == len(bars[-1][3])


def test_a_title_counts_one_block_as_one(known):
    title = tables.title(structs.replace(known.cells[0], blocks=1, dropped=(3,)))
    assert title == "read under wrk, 1 whole block, 1 that lacks a trial is left out"


def test_without_a_whole_block_there_is_no_waterfall():
    figures = session(3)
    del figures["a.x"]
    told = explanation(figures)
    assert list(waterfall(told, told.cells[0])) == []
    assert told.conclusion.startswith(
        "No block holds every step, so nothing is explained. b served"
    )


def test_causes_stand_by_their_size_and_the_residual_below_them(known):
    cell = known.cells[0]
    names = [row.cells[0].split("\n")[0] for row in tables.causes(known, cell, by_size=True).rows]
    assert names == ["y", "x", "z", "w", "residual", "whole"]


def test_the_sentence_has_the_largest_cause_and_what_is_left(known):
    said = re.match(
        r"Largest cause: y, (\S+) % \(\S+ to \S+ %\) of the time; "
        r"(\S+) % \(\S+ to \S+ %\) stays unexplained\. b served ",
        known.conclusion,
    )
    due = [100 * TIMES[name] / TOTAL_TIME for name in ("y", "residual")]
    assert [float(shown) for shown in said.groups()] == pytest.approx(due, abs=0.5)
    unsure = explanation(session(3, trial_sd=0.001))  # without a null arm
    assert "of the time, an estimate; " in unsure.conclusion


def test_no_difference_and_no_cause_are_said():
    figures = session(3)
    figures["b"] = dict(figures["a"])
    assert explanation(figures).conclusion.startswith("There is no difference to explain. ")
    figures = session(3, trial_sd=0.001)
    for name in ("a.x", "a.upto-y"):
        figures[name] = dict(figures["a"])
    for name in ("b.upto-w", "b.z"):
        figures[name] = dict(figures["b"])
    left = explanation(figures).conclusion
    assert left.startswith(
        "No step is shown to be a cause; 100 % (100 to 100 %) stays unexplained. "
    )


def test_bundles_stand_side_by_side_under_their_stacks(known):
    one = Explained(Path("one"), "current", known, None)
    text = side_by_side([one, replace(one, stack="published-py312")])
    assert "Side by side: current, published-py312" in text
    assert {row.split()[0] for row in text.splitlines() if re.match(r" \w", row)} >= {
        *(part.name for part in known.cells[0].parts),
        "whole",
    }
    same = side_by_side([one, replace(one, folder=Path("other"))])
    assert known.bundle in same


def test_a_step_that_one_of_two_bundles_lacks_has_no_figures_there(known):
    (cell,) = known.cells
    fewer = ExplainedCell(
        **{name: getattr(cell, name) for name in cell.__struct_fields__} | {"parts": cell.parts[1:]}
    )
    table = tables.compared([("one", known, fewer), ("other", known, cell)])
    (row,) = [row for row in table.rows if row.cells[0].startswith("x")]
    assert row.cells[1:3] == ("-", "-")
    assert row.cells[3].startswith("-")
    assert len(row.cells[3]) > 1
