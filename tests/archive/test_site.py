"""The pages of an archive in a real browser, made from bundles that anyone may have made."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from urllib.parse import urldefrag

import pytest
from axe_playwright_python.sync_playwright import Axe

from bundle.codec import plain
from bundle.derived import write_derived
from bundle.documents.results import Results
from bundle.documents.verdicts import BundleOnTrial, JudgedClaim, LedgerOnTrial, Verdicts
from bundle.format import Provenance
from bundle.read import Bundle
from ormlab.archive.catalog import build as build_catalog
from ormlab.archive.errors import EntryError
from ormlab.archive.keep import add
from ormlab.archive.site import build
from ormlab.judging import judge, ledger
from tests import browser as browsers
from tests.archive import making as archives
from tests.browser import in_browser
from tests.bundle import making
from tests.cli.inside import ormlab
from tests.verify import recorded

RATES = (1000, 1010, 1005, 995, 500, 505, 495, 500)
STEP = 4  # the position at which the rate changes
EVIL = "<script>document.title='evil'</script><img src=x onerror=alert(1)>\"'&\u202eolleh"


def derive(bundle, **documents):
    """Write derived/ as a maker may who writes what he likes."""
    files = {f"{name}.json": json.dumps(content).encode() for name, content in documents.items()}
    seal = str(Bundle.open(bundle).seal)
    lock = judge.analysis_lock()
    told = Provenance(seal=seal, ledger=None, analysis_lock=lock, tool=judge.tool())
    write_derived(bundle, files, told)


def results(conclusion):
    return plain(
        Results(
            schema="results/2",
            bundle=making.NAME,
            conclusion=conclusion,
            weaknesses=[conclusion],
            cells=[],
            failures=[],
            omitted=[],
        )
    )


def verdicts(verdict, says="It is faster."):
    claim = JudgedClaim(
        id="tput.ratio",
        kind="ratio",
        says=says,
        source="page",
        locator="line 1",
        published="1.42",
        plan="demo",
        entailed_by=(),
        undermined_by=(),
        verdict=verdict,
        side=None,
        why=says,
        band=None,
        measured=None,
        strength="repeated",
        weaknesses=(),
    )
    bundle = BundleOnTrial(
        id=making.NAME,
        seal="5" * 64,
        plan="demo",
        plan_sha256="5" * 64,
        profile="vm",
        host=None,
        host_class="virtual, degraded",
        status="complete",
        sealed_with_the_ledger=False,
    )
    return plain(
        Verdicts(
            ledger=LedgerOnTrial(name="made", title="A made ledger", sha256="5" * 64),
            bundle=bundle,
            conclusion=says,
            sealed_with_the_ledger=False,
            counts={verdict: 1},
            checks=(),
            claims=(claim,),
        )
    )


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Eight bundles of a host that became slower, a recorded one on trial, and four odd ones."""
    parent = tmp_path_factory.mktemp("site")
    folder, made = parent / "archive", parent / "bundles"
    for day, rate in enumerate(RATES):
        bundle = archives.measured(made, day=day, rate=rate)
        ends = ("upheld", "refuted", "not_run")
        derive(bundle, results=results(f"Sentence {day}."), verdicts=verdicts(ends[day % 3]))
        add(bundle, folder)
    (parent / "recorded").mkdir()
    real = recorded.make(parent / "recorded")
    judge.judge(real, ledger.load("article"))
    add(real, folder)
    evil = archives.measured(made, day=20)
    derive(evil, results=results(EVIL), verdicts=verdicts("refuted", EVIL))
    add(evil, folder)
    odd = archives.measured(made, day=21)
    derive(odd, results=[1, 2], verdicts={"claims": 7})
    add(odd, folder)
    damaged, gone = (archives.measured(made, day=day) for day in (22, 23))
    for bundle in (damaged, gone):
        add(bundle, folder)
    build_catalog(folder)
    (folder / damaged.name / "README.md").write_text("changed")
    shutil.rmtree(folder / gone.name)
    return folder


@pytest.fixture(scope="module")
def site(archive, tmp_path_factory):
    return build(archive, tmp_path_factory.mktemp("pages") / "site")


@pytest.fixture(scope="module")
def browser():
    with browsers.launched() as running:
        yield running


@pytest.fixture
def tab(browser, site):
    """Open a page by its path in the site."""

    def opened(name, **how):
        return browsers.opened(browser, (site.index.parent / name).as_uri(), **how)

    return opened


def pages(site):
    return sorted(path.relative_to(site.index.parent) for path in site.index.parent.rglob("*.html"))


def text(site, name):
    return (site.index.parent / name).read_text()


@dataclass(frozen=True)
class Visit:
    """What a page is in the browser."""

    complaints: list[str]  #: what it says to the console
    asked: list[str]  #: addresses that it asks for
    title: str
    foreign: int  #: elements that no template makes
    ids: set[str]
    links: set[str]
    widths: dict[int, int]  #: how wide its content is, by the width of the window


@pytest.fixture(scope="module")
def visits(browser, site):
    """Each page visited once, by its address."""
    found = {}
    for name in pages(site):
        with browsers.opened(browser, (site.index.parent / name).as_uri()) as page:
            page.wait_for_load_state("networkidle")
            widths = {}
            for width in (390, 1280, 1920):
                page.set_viewport_size({"width": width, "height": 900})
                widths[width] = page.evaluate("document.documentElement.scrollWidth")
            found[page.url] = Visit(
                complaints=page.said,
                asked=page.asked,
                title=page.title(),
                foreign=page.locator("script, main img").count(),
                ids=set(page.eval_on_selector_all("[id]", "all => all.map(each => each.id)")),
                links=set(
                    page.eval_on_selector_all("a[href]", "all => all.map(each => each.href)")
                ),
                widths=widths,
            )
    assert len(found) == site.pages
    return found


@in_browser
def test_no_page_complains_asks_for_anything_or_runs_what_a_maker_wrote(visits):
    for address, visit in visits.items():
        assert visit.complaints == []
        assert visit.asked == [address]
        assert visit.title != "evil"
        assert visit.foreign == 0


@in_browser
def test_every_link_leads_somewhere(visits):
    for visit in visits.values():
        for link in visit.links:
            target, fragment = urldefrag(link)
            assert target in visits, link
            assert not fragment or fragment in visits[target].ids, link


@in_browser
def test_no_page_is_wider_than_its_window(visits):
    for address, visit in visits.items():
        for window, content in visit.widths.items():
            assert content <= window, address


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_keep_the_rules_of_accessibility(tab, scheme, site):
    real = next(run.line.id for run in site.contents.runs if run.facts)
    for name in ("index.html", "claims.html", "trends.html", f"runs/{real}.html"):
        with tab(name, scheme=scheme) as page:
            page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
            broken = Axe().run(page).response["violations"]
            told = [(each["id"], each["nodes"][0]["html"][:200]) for each in broken]
            assert told == []


@in_browser
def test_the_keyboard_reaches_the_content_first_and_then_every_link(tab):
    with tab("trends.html") as page:
        page.keyboard.press("Tab")
        focused = "document.activeElement.getAttribute('href') || document.activeElement.tagName"
        assert page.evaluate(focused) == "#content"
        wanted = page.locator("a[href], summary, [tabindex='0']").locator("visible=true").count()
        reached = {page.evaluate(focused)}
        for _ in range(wanted - 1):
            page.keyboard.press("Tab")
            reached.add(page.evaluate(focused))
        assert {"index.html", "claims.html", "SUMMARY"} <= reached


@in_browser
def test_print_shows_the_table_behind_every_chart_and_no_navigation(tab):
    with tab("trends.html", media="print") as page:
        assert not page.locator("nav").is_visible()
        tables = page.locator("details table")
        assert tables.count() > 0
        for number in range(tables.count()):
            assert tables.nth(number).bounding_box()["height"] > 0


def test_every_line_of_the_index_is_a_run_whatever_became_of_its_bundle(archive, site):
    index = text(site, "index.html")
    lines = (archive / "index.jsonl").read_text().splitlines()
    assert len(lines) == len(site.contents.runs) == len(RATES) + 5
    for line in map(json.loads, lines):
        assert f'href="runs/{line["id"]}.html"' in index
        assert line["seal"] in text(site, f"runs/{line['id']}.html")
    for day in range(len(RATES)):
        assert f"Sentence {day}." in index
    assert "11 of them here and verified at L1" in index
    assert "The bundle does not verify" in index
    assert "The bundle is not in this archive." in index
    assert index.count("2 documents of it cannot be read by this version") == 1
    odd = next(run.line.id for run in site.contents.runs if len(run.problems) == 2)
    assert text(site, f"runs/{odd}.html").count("cannot be read by this version") == 2


def test_the_overview_leads_with_the_standing_claims_and_folds_what_is_not_here(site):
    index = text(site, "index.html")
    claims, runs, absent = (index.index(each) for each in ("Stands as", "<h2>Runs", "<details>"))
    assert claims < runs < absent
    standing = next(each for each in site.contents.claims if each.ledger.name == "made")
    assert standing.deciding.verdict == "inconclusive"  # some runs uphold it and some refute it
    row = index.partition(f'href="claims.html#claim-{standing.number}"')[2].partition("</tr>")[0]
    history = row.partition('<ol class="history">')[2]
    assert re.findall(r">(\w+)</span></a>", history) == [
        each.claim.verdict for each in standing.said
    ]
    for run in site.contents.runs:
        place = index.index(f'runs/{run.line.id}.html">{"" if run.record else run.line.id}')
        assert (place > absent) == (run.record is None)


def test_a_claims_standing_is_the_list_of_all_its_verdicts(site):
    standing = next(each for each in site.contents.claims if each.ledger.name == "made")
    given = [each.claim.verdict for each in standing.said]
    assert given == ["upheld", "refuted"] * 3 + ["refuted"]
    assert standing.untested == 2
    section = text(site, "claims.html").partition(f'id="claim-{standing.number}"')[2]
    section = section.partition("<h3")[0]
    assert re.findall(r'<span class="mark (\w*)">(\w+)', section)[:2] == [
        ("good", "upheld"),
        ("bad", "refuted"),
    ]
    assert len(re.findall(r'<tr role="row">\n', section)) == len(given)


def test_a_trend_has_a_chart_with_its_change_of_level_and_its_table(site):
    page = text(site, "trends.html")
    trends = next(each for each in site.contents.trends if each.shared.metric == "throughput")
    asyncpg = next(each for each in trends.series if each.subject == "asyncpg")
    changed = [point.bundle for point in asyncpg.points if point.changed]
    assert changed[0] == asyncpg.points[STEP].bundle
    name = f"trend-chart-{trends.number}"
    drawn = page.partition(f'aria-labelledby="{name}-title')[2].partition("</svg>")[0]
    points = sum(len(series.points) for series in trends.series)
    changes = sum(point.changed for series in trends.series for point in series.points)
    assert drawn.count('class="change"') == changes > 0
    assert drawn.count("<use ") == points
    table = page.partition(f'id="trend-{trends.number}"')[2].partition("</table>")[0]
    assert table.count('scope="row"') == points
    assert "1,000" in table


def test_the_same_archive_gives_the_same_pages_and_only_a_site_is_replaced(archive, site, tmp_path):
    out = tmp_path / "site"
    build(archive, out)
    assert making.snapshot(out) == making.snapshot(site.index.parent)
    (out / "index.html").write_text("old")
    build(archive, out)
    assert making.snapshot(out) == making.snapshot(site.index.parent)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(EntryError, match="something else"):
        build(archive, out)
    assert (out / "notes.txt").read_text() == "mine"


def test_an_archive_without_trends_or_claims_says_so(tmp_path):
    add(archives.measured(tmp_path / "bundles"), tmp_path / "archive")
    with pytest.raises(EntryError, match="no catalog"):
        build(tmp_path / "archive", tmp_path / "site")
    build_catalog(tmp_path / "archive")
    where = ("--archive", tmp_path / "archive", "-o", tmp_path / "site")
    told = json.loads(ormlab("catalog", "site", *where, "--json").stdout)
    assert (told["runs"], told["claims"], told["trends"], told["pages"]) == (1, 0, 0, 5)
    assert "There is no trend yet" in (tmp_path / "site/trends.html").read_text()
    assert "has put a ledger on trial" in (tmp_path / "site/claims.html").read_text()
    assert "shows 1 run on 5 pages" in ormlab("catalog", "site", *where).stdout
