"""What stands in the parts, by the documents that they are made of."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from itertools import pairwise

import pytest

from analysis import report
from analysis.report.blocks import Facts, Figure, Listing, Text
from analysis.report.charts import TrialChart, WaterfallChart
from analysis.report.material import Seen
from analysis.rounding import UNKNOWN
from analysis.tables import Cell, Table
from bundle.documents.results import FailedTrial
from bundle.documents.verdicts import Flip


def part(material, name, **changes):
    made = report.compose(replace(material, **changes))
    (found,) = (each for each in made.parts if each.name == name)
    return found.blocks


def tables(blocks):
    return [block for block in blocks if isinstance(block, Table)]


def figures(blocks):
    return [block for block in blocks if isinstance(block, Figure)]


def listed(blocks):
    return [item for block in blocks if isinstance(block, Listing) for item in block.items]


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def test_the_conclusion_comes_first_and_those_of_claims_and_causes_follow(material):
    said = [block.text for block in part(material, "conclusion") if isinstance(block, Text)]
    documents = (material.results, material.verdicts, material.explanation)
    assert said == [document.conclusion for document in documents]


def test_every_verdict_there_is_stands_in_the_table_of_its_kind(material):
    rows = {row.anchor: row for table in tables(part(material, "claims")) for row in table.rows}
    told = {claim.id: claim for claim in material.verdicts.claims}
    assert rows.keys() - {""} == {f"claim-{name}" for name in told}
    assert {claim.verdict for claim in told.values()} == {
        *("upheld", "refuted", "inconclusive", "invalid_run", "incomparable"),
        *("incoherent", "untestable", "not_run"),
    }
    for name, claim in told.items():
        _, published, measured, verdict, why = map(text, rows[f"claim-{name}"].cells)
        assert published == claim.published
        assert verdict.split("\n")[0].startswith(claim.verdict.replace("_", " "))
        assert why.startswith(claim.why)
        assert (measured == "-") == (claim.measured is None)


def test_without_a_ledger_the_part_says_how_to_give_one(material):
    blocks = part(material, "claims", verdicts=None)
    assert "No claims were judged" in blocks[0].text
    assert "--ledger" in blocks[1].text


def test_a_verdict_that_an_assumption_decides_is_said(material):
    first, *rest = material.verdicts.claims
    flip = Flip(
        variant="four",
        assumes="four do",
        host="7" * 64,
        as_tested="upheld",
        otherwise="refuted, below",
    )
    first = copy.replace(first, assumes="one worker", flips=(flip,))
    verdicts = copy.replace(material.verdicts, claims=(first, *rest))
    said = f"{first.id} is upheld as tested (one worker), and refuted, below if four do"
    assert said in listed(part(material, "claims", verdicts=verdicts))


def test_a_dot_is_drawn_for_each_trial_and_the_null_arm_is_hollow(material):
    chart = figures(part(material, "trials"))[0].chart
    assert isinstance(chart, TrialChart)
    assert [(dots.look.name, dots.look.hollow, len(dots.points)) for dots in chart.dots] == [
        *(("asyncpg", False, 10), ("tortoise", False, 10)),
        *(("asyncpg.loop", False, 10), ("tortoise.reset", False, 10)),
        ("asyncpg-null", True, 10),
    ]
    drawn = {(dots.look.name, block): value for dots in chart.dots for block, value in dots.points}
    raw = {
        (each.subject, each.block): each.values["throughput"]
        for each in material.shown
        if each.load == "wrk"
    }
    assert drawn == raw


def test_the_ratio_of_a_chart_is_that_of_the_results_and_its_ticks_give_it(material):
    for figure, cell in zip(figures(part(material, "trials")), material.results.cells, strict=True):
        for ratio in figure.chart.ratios:
            told = next(
                each
                for each in (*cell.comparisons, *cell.controls)
                if f"{each.candidate} / {each.baseline}" == ratio.label
                and each.ratio == ratio.centre
            )
            mean = math.exp(sum(map(math.log, ratio.points)) / len(ratio.points))
            assert mean == pytest.approx(told.ratio)


def test_under_an_open_loop_the_dots_are_of_the_response_time(material):
    closed, opened = figures(part(material, "trials"))
    assert closed.chart.axis == "requests per second"
    assert opened.chart.axis == "median of the response time, ms"


CHECKS = ("Paired t", "Bootstrap", "Signed rank")


def test_what_the_intervals_are_made_of_stands_behind_every_comparison(material):
    told = [t for t in tables(part(material, "trials")) if "widens the intervals" in t.caption]
    for table, cell in zip(told, material.results.cells, strict=True):
        assert table.folded
        for row, each in zip(table.rows, cell.comparisons, strict=True):
            shown = dict(zip([column.name for column in table.columns], row.cells, strict=True))
            assert (shown["A' / A"] == UNKNOWN) == (each.null is None)
            assert (shown["Beyond chance"] == UNKNOWN) == (each.excess is None)
            assert shown["SD of a block"] == f"{100 * each.sd:.1f} %"
            for name, estimate in zip(CHECKS, each.estimates, strict=True):
                ratio = float(shown[name].split()[0].replace(",", ""))
                assert ratio == pytest.approx(estimate.ratio, rel=0.05)


def test_what_the_order_did_stands_behind_every_comparison_and_control(material):
    told = [t for t in tables(part(material, "trials")) if "order of the trials" in t.caption]
    for table, cell in zip(told, material.results.cells, strict=True):
        every = [*cell.comparisons, *cell.controls]
        assert len(table.rows) == len(every)
        assert table.folded
        for row, each in zip(table.rows, every, strict=True):
            drift = each.order.drift
            low, high = drift.ci95.low, drift.ci95.high
            # Rounded to two digits of the interval's half-width; to three without one.
            rounded = drift.ratio / 200 if low is None else (high - low) / 20
            shown = float(row.cells[3].split()[1].replace(",", ""))
            assert shown == pytest.approx(drift.ratio, abs=rounded)


def test_hosts_that_were_apart_are_told_by_their_roles(material):
    facts = material.before.facts
    assert not [t for t in tables(part(material, "host")) if "apart" in t.caption]
    blocks = part(material, "host", hosts={"app": facts, "db, load": facts})
    (table,) = (t for t in tables(blocks) if "apart" in t.caption)
    assert [row.cells[0] for row in table.rows] == ["app", "db, load"]
    assert table.rows[1].cells[2].startswith("database: ")


def test_a_trial_that_failed_is_drawn_nowhere_and_listed(material):
    gone = material.shown[0]
    failure = FailedTrial(trial=gone.trial, code="steal", what="it was taken")
    results = copy.replace(material.results, failures=[failure])
    shown = material.shown[1:]
    rows = [
        tuple(map(text, row.cells))
        for table in tables(part(material, "limits", results=results, shown=shown))
        for row in table.rows
    ]
    assert (gone.trial, "steal", "it was taken") in rows
    charts = [
        each.chart for each in figures(part(material, "trials", results=results, shown=shown))
    ]
    assert sum(len(dots.points) for chart in charts for dots in chart.dots) == len(shown)


def test_quantiles_grow_with_the_share_and_end_where_samples_are_few(material):
    closed, opened = figures(part(material, "latency"))
    for figure in (closed, opened):
        for curve in figure.chart.curves:
            middles = [middle for _, middle, _, _ in curve.steps]
            assert middles == sorted(middles)
            assert all(low <= middle <= high for _, middle, low, high in curve.steps)
    kinds = {(curve.look.name, curve.response) for curve in opened.chart.curves}
    assert {response for _, response in kinds} == {True, False}
    assert {curve.response for curve in closed.chart.curves} == {False}
    # About 200 requests a trial: p90 has twenty beyond it, p95 ten, p99 two.
    assert max(step[0] for curve in opened.chart.curves for step in curve.steps) <= 0.95
    assert closed.chart.limits == opened.chart.limits


def test_the_steps_of_a_waterfall_lead_from_one_to_the_whole(material):
    for figure in figures(part(material, "causes")):
        chart = figure.chart
        assert isinstance(chart, WaterfallChart)
        *steps, whole = chart.bars
        assert steps[0].start == whole.start == 1.0
        for before, after in pairwise(steps):
            assert after.start == before.end
        assert steps[-1].end == pytest.approx(whole.end)
        assert whole.whole


def test_subjects_that_send_the_same_sql_share_a_column(material):
    (table,) = tables(part(material, "sql"))
    heads = [column.name for column in table.columns[1:]]
    assert sorted(", ".join(heads).split(", ")) == sorted(material.work.sql)
    trips = next(row for row in table.rows if row.cells[0] == "Round trips per request")
    for head, cell in zip(heads, trips.cells[1:], strict=True):
        for name in head.split(", "):
            sent = material.work.sql[name].operations["read-user"]
            assert text(cell) == f"{sent.round_trips_per_request:g}"


def test_a_reading_that_is_not_as_it_should_be_is_not_folded_away(material):
    taken = material.after.readings.readings
    changed = taken | {"thp": copy.replace(taken["thp"], value="always")}
    after = replace(
        material.after, readings=copy.replace(material.after.readings, readings=changed)
    )
    found = {
        text(row.cells[0]): (table.folded, row)
        for table in tables(part(material, "host", after=after))
        for row in table.rows
    }
    folded, row = found["thp"]
    assert not folded
    assert [text(cell) for cell in row.cells[1:3]] == [
        material.before.readings.readings["thp"].value,
        "always",
    ]


def test_a_host_that_nobody_looked_at_is_said_to_be_one(material):
    blocks = part(material, "host", before=Seen(None, None), after=Seen(None, None))
    said = [block.text for block in blocks if isinstance(block, Text)]
    assert said == ["The readings of the host were not taken."]


def test_weaknesses_assumptions_and_what_is_never_shown_are_said(material):
    said = listed(part(material, "limits"))
    assert {f"{weakness}." for weakness in material.results.weaknesses} <= set(said)
    assert set(material.plan.assumptions) <= set(said)
    assert any("maker measured honestly" in each for each in said)


def test_the_digests_are_those_of_the_bundle(material):
    rows = dict(
        row for block in part(material, "verify") if isinstance(block, Facts) for row in block.rows
    )
    assert rows["Seal (SHA-256 of SEAL.json)"] == material.seal
    assert rows["Resolved plan"] == material.record.plan.sha256
    assert rows["Ledger that was judged"] == material.verdicts.ledger.sha256


def test_a_bundle_without_a_usable_trial_has_a_report(material):
    results = copy.replace(material.results, cells=[], conclusion="Nothing was measured.")
    bare = replace(material, results=results, verdicts=None, explanation=None, shown=())
    page = report.html(report.compose(bare))
    assert "No trial was completed" in page
    assert "<svg" not in page
