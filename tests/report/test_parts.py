"""What stands in the parts, by the documents that they are made of."""

from __future__ import annotations

import copy
import math
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from analysis import report
from analysis.report.blocks import Badges, CountBar, Facts, Figure, Listing, Text
from analysis.report.charts import ForestChart, TrialChart, WaterfallChart
from analysis.report.material import Seen
from analysis.results import _conclusion
from analysis.rounding import UNKNOWN
from analysis.tables import Cell, Table
from bundle.codec import serialise
from bundle.documents.host import Reading
from bundle.documents.results import FailedTrial, GateVerdict, Growth, MemoryGrowth
from bundle.documents.services import SchemaDifference, SchemaOutcome
from bundle.documents.verdicts import Flip
from ormlab.cli.tables import results_text
from tests.report import recorded


def part(material, name, **changes):
    made = report.compose(replace(material, **changes))
    (found,) = (each for each in made.parts if each.name == name)
    return found.blocks


def tables(blocks):
    """Those of charts too."""
    found = (block.table if isinstance(block, Figure) else block for block in blocks)
    return [block for block in found if isinstance(block, Table)]


def figures(blocks, kind=object):
    found = [block for block in blocks if isinstance(block, Figure)]
    return [figure for figure in found if isinstance(figure.chart, kind)]


def listed(blocks):
    return [item for block in blocks if isinstance(block, Listing) for item in block.items]


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def test_the_conclusion_comes_first_and_that_of_causes_follows(material):
    said = [block.text for block in part(material, "conclusion") if isinstance(block, Text)]
    assert said == [each.conclusion for each in (material.results, material.explanation)]
    (tally,) = (block for block in part(material, "conclusion") if isinstance(block, CountBar))
    counts = {kind: number for kind, number, _ in tally.items}
    given = material.verdicts.counts.items()
    assert counts == {kind.replace("_", " "): number for kind, number in given if number}
    assert tally.total == len(material.verdicts.claims)


def test_the_first_screen_draws_decided_claims_and_then_the_controls(material):
    (figure,) = figures(part(material, "conclusion"), ForestChart)
    claims = [
        claim
        for verdict in ("refuted", "upheld")
        for claim in material.verdicts.claims
        if claim.verdict == verdict and claim.measured
    ]
    names = [row.whole[0].lines[0] for row in figure.table.rows]
    assert names == [*(claim.id for claim in claims), "asyncpg-null / asyncpg"]
    for claim, ratio in zip(claims, figure.chart.ratios, strict=False):
        unit = claim.measured.value / ratio.centre
        assert ratio.low == pytest.approx(claim.measured.ci95.low / unit)
        ends = [end and end / unit for end in (claim.band.low, claim.band.high)]
        assert ratio.published == pytest.approx(tuple(ends))
        assert claim.kind not in {"ratio", "ordering"} or unit == 1.0


def test_without_a_ledger_the_first_screen_draws_the_comparisons(material):
    (figure,) = figures(part(material, "conclusion", verdicts=None), ForestChart)
    compared = [
        *(each for cell in material.results.cells for each in cell.comparisons),
        *(each for cell in material.results.cells for each in cell.controls),
    ]
    shown = {each.ratio for each in compared}
    assert len(figure.chart.ratios) >= 2
    assert {ratio.centre for ratio in figure.chart.ratios} <= shown


@pytest.mark.parametrize(
    ("passed", "tier", "marks"),
    [(True, "exclusive-l3", ["good", "good", "good"]), (False, "none", ["bad", "bad", "good"])],
)
def test_the_badges_say_how_far_to_believe(material, passed, tier, marks):
    facts = material.before.facts
    placed = copy.replace(facts, placement=copy.replace(facts.placement, tier=tier))
    cells = [
        copy.replace(
            cell,
            controls=[
                copy.replace(each, outcome=copy.replace(each.outcome, passed=passed))
                for each in cell.controls
            ],
        )
        for cell in material.results.cells
    ]
    changes = {
        "results": copy.replace(material.results, cells=cells),
        "before": replace(material.before, facts=placed),
    }
    (badges,) = (b for b in part(material, "conclusion", **changes) if isinstance(b, Badges))
    assert [badge.mark for badge in badges.items] == marks
    assert badges.items[0].value == f"tier {tier}"
    assert material.seal[:8] in badges.items[2].note


def test_claims_with_one_reason_share_one_sentence(material):
    (first, *_) = (c for c in material.verdicts.claims if c.verdict == "incomparable")
    several = tuple(copy.replace(first, id=f"same.{at}") for at in range(12))
    verdicts = copy.replace(material.verdicts, claims=several)
    blocks = part(material, "claims", verdicts=verdicts)
    said = [block.text for block in blocks if isinstance(block, Text) and first.why in block.text]
    assert said == [f"12 are incomparable: {first.why}."]
    (table,) = (each for each in tables(blocks) if each.rows[0].anchor.startswith("claim-"))
    assert len(table.rows) == 12
    assert {column.name for column in table.columns}.isdisjoint({"Verdict", "Why"})


def test_what_a_run_decided_stands_before_what_it_did_not_test(material):
    told = [
        (table.folded, row.anchor)
        for table in tables(part(material, "claims"))
        for row in table.rows
        if row.anchor
    ]
    verdicts = {f"claim-{claim.id}": claim.verdict for claim in material.verdicts.claims}
    order = [verdicts[name] for _, name in told]
    assert order[:4] == ["refuted", "upheld", "upheld", "inconclusive"]
    assert {v for (folded, _), v in zip(told, order, strict=True) if folded} == {
        "untestable",
        "not_run",
    }


def grown(material):
    """The results of a run whose windows were long enough for a slope of memory."""
    several = Growth(
        per_hour=12.0 * 2**20, low=8.0 * 2**20, high=16.0 * 2**20, deployments=4, reason=None
    )
    single = Growth(per_hour=-1.0 * 2**20, low=None, high=None, deployments=1, reason="only one")
    none = Growth(per_hour=None, low=None, high=None, deployments=0, reason="unreadable")
    (cell, *others) = material.results.cells
    (name, *_) = cell.subjects
    told = MemoryGrowth(rss=several, pss=single, anonymous=none)
    subjects = cell.subjects | {name: copy.replace(cell.subjects[name], growth=told)}
    cells = [copy.replace(cell, subjects=subjects), *others]
    return name, copy.replace(material.results, cells=cells)


def test_the_growth_of_memory_is_told_with_its_interval_or_why_it_has_none(material):
    name, found = grown(material)
    blocks = part(material, "trials", results=found)
    (table,) = (each for each in tables(blocks) if each.caption.startswith("Growth of memory"))
    (row,) = table.rows
    assert row.cells == (name, "12.0 (8.0 to 16.0)", "-1.00", UNKNOWN, "4")
    reasons = [
        f"growth of {name}, proportional set: only one",
        f"growth of {name}, heap and stacks: unreadable",
    ]
    assert [each for each in listed(blocks) if each.startswith("growth")] == reasons
    said = results_text(found, Path("bundles/x"))
    assert "12.0 (8.0 to 16.0)" in said
    assert all(reason in said for reason in reasons)


def test_windows_too_short_for_a_slope_have_no_table_of_growth(material):
    assert not any("Growth" in each.caption for each in tables(part(material, "trials")))
    assert "growth" not in results_text(material.results, Path("bundles/x"))
    assert '"growth"' not in serialise(material.results).decode()


def test_a_run_that_compares_nothing_concludes_with_the_growth_of_memory(material):
    name, found = grown(material)
    plan = material.plan.model_copy(update={"comparisons": []})
    cells = [copy.replace(cell, controls=[]) for cell in found.cells]
    cell = cells[0]
    assert _conclusion(cells, plan, ["2-core VM"], {}) == (
        f"Growth of the resident set on {cell.workload} under {cell.load}, MiB an hour with its "
        f"95 % interval: {name} 12.0 (8.0 to 16.0) (2-core VM)."
    )


def test_a_schema_by_a_tool_is_judged_once_for_all_subjects_that_got_the_same(material):
    order = SchemaDifference(
        kind="order", where="orders", expected="id, total", found="total, id", harmless=True
    )
    text_of = SchemaDifference(
        kind="column", where="users.email", expected="varchar(100)", found="text", harmless=False
    )
    equal = SchemaOutcome(
        schema="made-schema/1", tool="alembic", failure=None, differences=[order], same=True
    )
    other = copy.replace(equal, tool="aerich", differences=[text_of], same=False)
    none = copy.replace(equal, failure="it ended with 1", differences=[], same=False)
    schemas = {"a": equal, "a-null": equal, "b": other, "c": none}
    blocks = part(material, "setup", schemas=schemas)
    said = [block.text for block in blocks if isinstance(block, Text)]
    assert said[-3:] == [
        "a, a-null: schema by alembic: equal to schema.sql but for 1 harmless difference.",
        "b: schema by aerich: not schema.sql, for 1 difference.",
        "c: schema by alembic: none: it ended with 1.",
    ]
    told = {each.caption: each for each in tables(blocks)}
    row = told["Schema by aerich: b"].rows[0]
    assert [text(cell) for cell in row.cells] == [
        *("column", "users.email", "varchar(100)", "text", "it may")
    ]
    assert "Schema by alembic: a, a-null" in told
    data = replace(material, schemas=schemas).document()
    assert data["schemas"]["b"]["same"] is False


def test_a_run_without_such_tools_has_no_word_of_them(material):
    assert material.schemas == {}
    assert "schemas" not in material.document()
    assert not any("Schema by" in each.caption for each in tables(part(material, "setup")))


def test_the_schemas_of_a_bundle_are_read(judged, tmp_path):
    bundle = tmp_path / judged.name
    shutil.copytree(judged, bundle)
    outcome = SchemaOutcome(
        schema="made-schema/1", tool="alembic", failure=None, differences=[], same=True
    )
    (bundle / "services/asyncpg/made-schema.json").write_bytes(serialise(outcome))
    assert recorded.material(bundle).schemas == {"asyncpg": outcome}


def test_the_versions_of_what_was_measured_stand_in_one_part(material):
    blocks = part(material, "setup")
    facts = dict(row for block in blocks if isinstance(block, Facts) for row in block.rows)
    host = material.before.facts.facts
    assert host.cpu_model in facts["CPU"]
    assert host.kernel in facts["System"]
    assert facts["shared_buffers"] == material.servers[0].settings["shared_buffers"]
    (table,) = tables(blocks)
    said = " ".join(text(cell) for row in table.rows for cell in row.cells)
    for name, health in material.running.items():
        assert name in said
        assert f"CPython {health.python}" in said
        assert f"asyncpg {health.versions['asyncpg']}" in said


def test_a_bundle_without_these_records_has_no_card_of_them(material):
    blocks = part(material, "setup", running={}, servers=(), seeded=None)
    assert tables(blocks) == []
    assert len(blocks) == 1


def test_every_verdict_there_is_stands_in_the_table_of_its_kind(material):
    rows = {
        row.anchor: (table, row) for table in tables(part(material, "claims")) for row in table.rows
    }
    told = {claim.id: claim for claim in material.verdicts.claims}
    assert rows.keys() - {""} == {f"claim-{name}" for name in told}
    assert {claim.verdict for claim in told.values()} == {
        *("upheld", "refuted", "inconclusive", "invalid_run", "incomparable"),
        *("incoherent", "untestable", "not_run"),
    }
    for name, claim in told.items():
        table, row = rows[f"claim-{name}"]
        shown = dict(zip((c.name for c in table.columns), map(text, row.cells), strict=True))
        assert shown["Published"] == claim.published
        assert shown["Why"].startswith(claim.why)
        if not table.folded:
            said = claim.verdict.replace("_", " ")
            assert shown["Verdict"].split("\n")[0].startswith(said)
            assert (shown["Measured (95 % interval)"] == "-") == (claim.measured is None)


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
    chart = figures(part(material, "trials"), TrialChart)[0].chart
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
    drawn = figures(part(material, "trials"), ForestChart)
    for figure, cell in zip(drawn, material.results.cells, strict=True):
        for ratio, row in zip(figure.chart.ratios, figure.table.rows, strict=True):
            told = next(
                each
                for each in (*cell.comparisons, *cell.controls)
                if f"{each.candidate} / {each.baseline}" == row.whole[0].lines[0]
                and each.ratio == ratio.centre
            )
            assert (ratio.low, ratio.high) == (told.low, told.high)
            mean = math.exp(sum(map(math.log, ratio.points)) / len(ratio.points))
            assert mean == pytest.approx(told.ratio)


def test_under_an_open_loop_the_dots_are_of_the_response_time(material):
    closed, opened = figures(part(material, "trials"), TrialChart)
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
        each.chart
        for each in figures(part(material, "trials", results=results, shown=shown), TrialChart)
    ]
    assert sum(len(dots.points) for chart in charts for dots in chart.dots) == len(shown)


def test_a_gate_without_a_reading_says_why(material):
    (first, *others) = material.results.cells
    gate = copy.replace(
        first.gates[0],
        verdict=GateVerdict.UNKNOWN,
        value=None,
        counts={GateVerdict.PASSED: 1, GateVerdict.UNKNOWN: 2},
        said="time that was lost: unknown, it may not be read here",
    )
    cells = [copy.replace(first, gates=[gate]), *others]
    results = copy.replace(material.results, cells=cells)
    row = (
        f"{first.workload} under {first.load}",
        gate.code,
        "unknown, 2 trials",
        "time that was lost: unknown, it may not be read here",
    )
    shown = tables(part(material, "limits", results=results))
    (unread,) = (each for each in shown if each.caption.startswith("Gates without a reading"))
    assert row in [tuple(map(text, each.cells)) for each in unread.rows]
    lines = results_text(results, Path("b"))
    assert f"gate unknown (2 trials): {row[-1]}\n" in lines


def test_a_reading_that_is_not_there_says_why(material):
    readings = material.before.readings
    gone = Reading(value=None, unit=None, reason="not readable here: there is no switch")
    without = copy.replace(readings, readings={**readings.readings, "boost": gone})
    before = copy.replace(material.before, readings=without)
    after = Seen(material.after.facts, None)
    cells = [
        tuple(map(text, row.cells))
        for table in tables(part(material, "host", before=before, after=after))
        for row in table.rows
    ]
    (row,) = (each for each in cells if each[0] == "boost" and len(each) > 3)
    assert row[1:3] == (
        "unknown, not readable here: there is no switch",
        "the host was not read",
    )


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
        assert len(chart.bars) == len(figure.table.rows)
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


def test_what_was_seen_of_clocks_and_heat_in_the_windows_stands_with_the_host(material):
    def paced(blocks):
        return [table for table in tables(blocks) if table.caption.startswith("Clocks and heat")]

    assert not paced(part(material, "host"))  # an older bundle says nothing of them
    first, *others = material.results.cells
    gate = copy.replace(first.gates[0], code="frequency", said="CPU 1 ran at 4.10 of 4.50 GHz")
    cell = copy.replace(first, gates=[*first.gates, gate])
    results = copy.replace(material.results, cells=[cell, *others])
    (table,) = paced(part(material, "host", results=results))
    ((where, code, _, said),) = (row.cells for row in table.rows)
    assert (code, said) == ("frequency", gate.said)
    assert where == f"{first.workload} under {first.load}"


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
    assert 'class="plot"' not in page
    assert 'class="strip"' not in page
