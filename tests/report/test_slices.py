"""What a report and the terminal say of the rounds of load that switches between services."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from analysis import report
from analysis.report.blocks import Listing
from analysis.report.parts import slices
from analysis.rounding import UNKNOWN
from analysis.tables import Table, sliced
from analysis.tables import results as tables
from bundle.documents.sliced import CheckedRatio, SlicedChecks
from ormlab.cli.tables import results_text

CHECKS = SlicedChecks(
    blocks=12,
    rounds=480,
    slice_s=0.25,
    set_s=0.06,
    measured=0.62,
    resting={"a": 0.012, "b": None},
    totals=1.8112,
    hodges_lehmann=1.8034,
    without_answers=0,
    beyond_margin=False,
    disturbed=17,
    undisturbed=CheckedRatio(ratio=1.812, low=1.75, high=1.87),
    undisturbed_lacks=None,
    carry_over=CheckedRatio(ratio=1.001, low=0.99, high=1.012),
    carry_over_lacks=None,
)


@pytest.fixture
def cell(material):
    """A recorded cell whose first comparison by throughput has rounds, which may be others."""

    def make(**changes):
        (first, *_) = material.results.cells
        checks = structs.replace(CHECKS, **changes)
        told = [
            structs.replace(each, sliced=checks if each.metric == "throughput" else None)
            for each in first.comparisons
        ]
        return structs.replace(first, comparisons=told)

    return make


def cells(table):
    return [cell.text for cell in table.rows[0].whole]


def test_each_comparison_by_throughput_has_its_rounds(cell):
    table = sliced.checks(cell())
    by_throughput = [each for each in cell().comparisons if each.metric == "throughput"]
    assert len(table.rows) == len(by_throughput) > 0
    assert cells(table)[1:] == [
        "480\nin 12 blocks",
        "0.25 s\n62 % of the time",
        "a 0.012 %\nb - %",
        "1.81",
        "1.80",
        "1.812 (1.750 to 1.870)\n17 left out",
        "1.001 (0.990 to 1.012)",
    ]


def test_rounds_that_disagree_by_more_than_the_margin_are_marked(cell):
    middle = sliced.checks(cell(beyond_margin=True)).rows[0].whole[5]
    assert (middle.text, middle.mark) == ("1.80\nbeyond the margin", "open")


def test_what_was_not_read_is_unknown_with_its_reason(material, cell):
    why = "block 3: steal_ns was not read: /proc/stat cannot be read"
    made = cell(
        disturbed=None,
        undisturbed=None,
        undisturbed_lacks=why,
        carry_over=None,
        carry_over_lacks="too few",
        hodges_lehmann=None,
    )
    assert cells(sliced.checks(made))[5:] == [UNKNOWN, UNKNOWN, UNKNOWN]
    (listing,) = [each for each in slices.blocks(made) if isinstance(each, Listing)]
    assert any(each.endswith(f"without disturbed rounds: {why}.") for each in listing.items)
    assert any(each.endswith("after the candidate: too few.") for each in listing.items)
    results = structs.replace(material.results, cells=[made])
    lines = results_text(results, Path("b"))
    assert f"without disturbed rounds: {why}\n" in lines


def test_it_stands_in_the_report_and_on_the_terminal_where_there_are_rounds(material, cell):
    made = cell()
    captions = [table.caption for table in tables.of(made)]
    assert sliced.checks(made).caption in captions
    results = structs.replace(material.results, cells=[made])
    parts = {part.name: part for part in report.compose(replace(material, results=results)).parts}
    shown = [each.caption for each in parts["trials"].blocks if isinstance(each, Table)]
    assert sliced.checks(made).caption in shown


def test_cells_under_other_loads_have_no_such_table(material):
    (first, *_) = material.results.cells
    assert not sliced.checks(first).rows
    assert list(slices.blocks(first)) == []
