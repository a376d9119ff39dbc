from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import msgspec
import pytest

from analysis import report
from analysis.report.blocks import (
    Badge,
    Badges,
    Caution,
    Code,
    CountBar,
    Facts,
    Figure,
    Heading,
    Listing,
    Part,
    Report,
    Text,
)
from analysis.report.charts import Bar, Dots, ForestChart, Look, TrialChart, WaterfallChart
from analysis.tables import Cell, Row, Table, columns
from bundle.codec import serialise
from bundle.documents.explanation import Explanation
from bundle.documents.results import Results
from bundle.documents.services import Sql
from bundle.documents.verdicts import Verdicts

NAMES = (
    *("conclusion", "claims", "setup", "trials", "latency", "causes"),
    *("sql", "host", "limits", "verify"),
)
EVIL = "</script><script>alert('x')</script>&\"' `|*_[a](javascript:b)<!-- \x00\x1b $a_b$"
VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Elements with their attributes, and the text of each kind."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.open = []
        self.text = {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page)


def test_the_parts_stand_in_their_order(made, outline):
    assert tuple(each["id"] for each in outline.all("section")) == NAMES
    assert outline.text["h2"] == [part.title for part in made.parts]


def test_every_element_is_closed_and_no_id_stands_twice(outline):
    assert outline.open == []
    ids = [each["id"] for _, each in outline.elements if "id" in each]
    assert len(ids) == len(set(ids))
    pointed = [each["href"][1:] for _, each in outline.elements if each.get("href", "")[:1] == "#"]
    pointed += [
        name
        for _, each in outline.elements
        for key in ("aria-labelledby", "clip-path")
        for name in re.findall(r"[\w.-]+", each.get(key, "").replace("url", ""))
    ]
    assert len(pointed) > 100
    assert set(pointed) <= set(ids)


def test_nothing_is_asked_of_the_network(page, outline):
    wanted = {"src", "srcset", "data", "action", "poster", "background", "ping", "manifest"}
    assert not [e for e in outline.elements if wanted & e[1].keys() or e[0] in {"link", "iframe"}]
    assert {each["type"] for each in outline.all("script")} == {"application/json"}
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_the_data_are_the_report_s_own(made, outline):
    (data,) = outline.text["script"]
    told = json.loads(data)
    assert told == json.loads(json.dumps(made.data))
    assert told["schema"] == "report/1"
    before, said = outline.text["p"][1:3]
    assert told["conclusion"] == before + outline.text["strong"][0] + said
    assert len(told["trials"]) == 100


def test_every_chart_has_a_title_a_description_and_a_table(made, outline):
    figures = [each for part in made.parts for each in part.blocks if isinstance(each, Figure)]
    inside = [each for each in figures if isinstance(each.chart, ForestChart | WaterfallChart)]
    alone = [each for each in figures if each not in inside]
    assert [figure.name for figure in inside] == [
        *("forest", "claims-decided", "claims-open"),
        *("ratios-1", "ratios-2"),
        "causes-1",  # of the closed loop: the rate of the open one is given
    ]
    assert [figure.name for figure in alone] == [
        *("trials-1", "trials-2"),
        *("latency-1", "latency-2"),
    ]
    drawn = [each for each in outline.all("svg") if "role" in each]
    assert [each["aria-labelledby"] for each in drawn] == [
        f"{figure.name}-title {figure.name}-description" for figure in alone
    ]
    assert {each["role"] for each in drawn} == {"img"}
    for figure in alone:
        assert figure.title in outline.text["title"]
        assert figure.description in outline.text["desc"]
    for figure in figures:
        assert figure.table.caption in outline.text["caption"]


def test_a_mark_in_a_row_is_hidden_because_the_row_has_its_figures(made, outline):
    inner = "viewbox"  # of an image, which stretches its lines
    hidden = [each for each in outline.all("svg") if not each.keys() & {"role", inner}]
    assert {each["aria-hidden"] for each in hidden} == {"true"}
    rows = [
        row
        for part in made.parts
        for figure in part.blocks
        if isinstance(figure, Figure) and isinstance(figure.chart, ForestChart)
        for row, ratio in zip(figure.table.rows, figure.chart.ratios, strict=True)
        if ratio
    ]
    assert len(rows) > 10
    for row in rows:
        assert any(re.search(r"\d", cell.text) for cell in row.whole[1:])


def test_tables_say_what_their_heads_are_of(outline):
    assert len(outline.all("table")) == len(outline.all("caption"))
    assert {each.get("scope") for each in outline.all("th")} == {"col", "row"}


def test_the_same_bundle_gives_the_same_bytes(judged, page):
    code = (
        "import sys; from pathlib import Path; from analysis import report;"
        "from tests.report import recorded;"
        "made = report.compose(recorded.material(Path(sys.argv[1])));"
        "sys.stdout.write(report.html(made))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
    again = subprocess.run(
        [sys.executable, "-c", code, judged], capture_output=True, check=True, env=environment
    )
    assert again.stdout.decode() == page


def evil():
    """A report in which every text is an attack."""
    table = Table(
        EVIL,
        columns(EVIL, f"{EVIL}2", numbers=(EVIL,)),
        (
            Row((EVIL, Cell(EVIL, code=True)), anchor="claim-x"),
            Row((f"{EVIL}\n{EVIL}", Cell(EVIL, mark="bad"))),
        ),
        folded=True,
    )
    chart = WaterfallChart((Bar(EVIL, 1.0, 2.0, 1.5, 2.5, whole=False),) * 2)
    trials = TrialChart(EVIL, (Dots(Look(EVIL, 0), ((1, 2.0),), 2.0, None, None),))
    blocks = (
        *(Text(EVIL), Text(EVIL, lead=True), Heading(EVIL), Listing((EVIL,)), Code(EVIL)),
        *(Facts(((EVIL, EVIL),)), Facts(((EVIL, EVIL),), code=True), table),
        *(CountBar(EVIL, ((EVIL, 1, "bad"),)), Badges((Badge(EVIL, EVIL, EVIL, "bad"),))),
        *(Caution((EVIL,)), Text(f"{EVIL}: {EVIL}", mark="bad", marked=EVIL)),
        *(Figure("evil", EVIL, EVIL, chart, table), Figure("worse", EVIL, EVIL, trials, table)),
    )
    return Report(EVIL, (Part("x", EVIL, blocks),), {EVIL: [EVIL]})


def test_whatever_a_bundle_holds_is_text():
    page = report.html(evil())
    outline = Outline(page)
    assert outline.open == []
    assert {each["type"] for each in outline.all("script")} == {"application/json"}
    assert not [each for each in outline.elements if any(key[:2] == "on" for key in each[1])]
    assert "<!--" not in page.replace("<!DOCTYPE", "")
    (data,) = outline.text["script"]
    assert json.loads(data) == {EVIL: [EVIL]}
    assert all(each["href"] in {"#main", "#x", "#claim-x", "#limits"} for each in outline.all("a"))


def test_names_of_subjects_may_be_anything(material):
    def renamed(document, kind):
        text = serialise(document).decode().replace("tortoise", json.dumps(EVIL)[1:-1])
        return msgspec.json.decode(text, type=kind)

    work = replace(material.work, sql=renamed(material.work.sql, dict[str, Sql]))
    shown = tuple(replace(each, subject=renamed(each.subject, str)) for each in material.shown)
    changes = {
        "results": renamed(material.results, Results),
        "verdicts": renamed(material.verdicts, Verdicts),
        "explanation": renamed(material.explanation, Explanation),
    }
    made = report.compose(replace(material, work=work, shown=shown, **changes))
    outline = Outline(report.html(made))
    assert outline.open == []
    assert {each["type"] for each in outline.all("script")} == {"application/json"}
    report.markdown(made)
