"""The page in a real browser: the distribution's Chromium, without a window."""

from __future__ import annotations

from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe

from analysis.tables.verdicts import anchor
from tests import browser as browsers

pytestmark = browsers.in_browser
FOCUSABLE = "a[href], summary, [tabindex='0']"


def unfold(page):
    page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")


@pytest.fixture(scope="module")
def browser():
    with browsers.launched() as running:
        yield running


@pytest.fixture(scope="module")
def address(page, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(page)
    return file.as_uri()


@pytest.fixture
def tab(browser, address):
    """Open the page."""
    return partial(browsers.opened, browser, address)


def test_it_says_nothing_to_the_console_and_asks_for_nothing(tab, address):
    with tab() as page:
        page.wait_for_load_state("networkidle")
        assert page.said == []
        assert page.asked == [address]


def test_every_claim_and_every_part_is_reached_by_its_anchor(tab, address, material):
    names = [anchor(claim.id) for claim in material.verdicts.claims]
    assert len(names) == 10
    with tab() as page:
        parts = page.eval_on_selector_all("section", "all => all.map(each => each.id)")
        for name in [*names, *parts]:
            page.goto(f"{address}#{name}")
            found = page.evaluate(
                """name => {
                    const box = document.querySelector(":target").getBoundingClientRect();
                    const seen = box.top >= 0 && box.top < innerHeight && box.height > 0;
                    return [document.querySelector(":target").id, seen];
                }""",
                name,
            )
            assert found == [name, True]


def test_the_links_of_the_head_lead_to_the_parts(tab):
    with tab() as page:
        links = page.locator("nav a")
        assert links.count() == 10
        for number in range(10):
            links.nth(number).click()
            where = page.evaluate("location.hash")
            heading = page.locator(f"{where} > h2").inner_text()
            assert heading == links.nth(number).inner_text()


def test_the_keyboard_goes_through_it_in_the_order_of_reading(tab):
    with tab() as page:
        due = page.eval_on_selector_all(
            FOCUSABLE, "all => all.filter(each => each.checkVisibility()).length"
        )
        assert due > 35
        places, outlines = [], set()
        for _ in range(due):
            page.keyboard.press("Tab")
            place, outline = page.evaluate(
                """chosen => [
                    [...document.querySelectorAll(chosen)].indexOf(document.activeElement),
                    getComputedStyle(document.activeElement).outlineStyle,
                ]""",
                FOCUSABLE,
            )
            places.append(place)
            outlines.add(outline)
        assert places == sorted(set(places))
        assert (places[0], len(places)) == (0, due)
        assert outlines == {"solid"}
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body")


def test_the_first_key_skips_to_the_conclusion(tab):
    with tab() as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_folded_table_is_opened_by_a_key(tab):
    with tab() as page:
        summary = page.locator("summary").first
        table = page.locator("details table").first
        assert not table.is_visible()
        summary.focus()
        page.keyboard.press("Enter")
        assert table.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_rules_of_accessibility_hold(tab, scheme, width):
    with tab(scheme=scheme, width=width) as page:
        unfold(page)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert len(found.response["passes"]) > 25


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1280, 1920])
def test_nothing_is_cut_and_nothing_scrolls_sideways(tab, scheme, width):
    with tab(scheme=scheme, width=width) as page:
        unfold(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        cells, cut = page.evaluate(
            """() => {
                const cells = [...document.querySelectorAll(".scroll :is(th, td, caption)")].filter(
                    each => each.getBoundingClientRect().right > 0);
                const cut = cells.filter(each => {
                    const room = each.closest(".scroll").getBoundingClientRect();
                    const box = each.getBoundingClientRect();
                    return box.right > room.right + 1 || each.scrollWidth > each.clientWidth + 1;
                });
                return [cells.length, cut.map(each => each.textContent)];
            }"""
        )
        assert cells > 500
        assert cut == []


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_the_marks_of_a_row_stand_below_their_scale(tab, width):
    with tab(width=width) as page:
        seen, apart = page.evaluate(
            """() => {
                const pairs = [...document.querySelectorAll("table.strips")].flatMap(table => {
                    const axis = table.querySelector("svg.axis").getBoundingClientRect();
                    return [...table.querySelectorAll("svg.strip")].map(
                        each => [axis, each.getBoundingClientRect()]);
                });
                const apart = pairs.filter(([axis, strip]) => Math.abs(axis.left - strip.left) > 1
                    || Math.abs(axis.width - strip.width) > 1);
                return [pairs.length, apart.length];
            }"""
        )
        assert seen > 10
        assert apart == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_no_two_words_of_a_chart_collide(tab, width):
    with tab(width=width) as page:
        assert (
            page.evaluate(
                """() => [...document.querySelectorAll("svg")].flatMap(chart => {
                const boxes = [...chart.querySelectorAll("text")].map(
                    each => [each.textContent, each.getBoundingClientRect()]);
                return boxes.flatMap(([word, box], at) => boxes.slice(at + 1).filter(
                    ([, other]) => box.left < other.right && other.left < box.right &&
                        box.top < other.bottom && other.top < box.bottom
                ).map(([other]) => [word, other]));
            })"""
            )
            == []
        )


def test_the_first_screen_has_the_verdict_the_ratios_and_how_far_to_believe_them(tab, material):
    with tab(width=1280) as page:
        page.set_viewport_size({"width": 1280, "height": 720})
        for part in (".lead", ".tally", ".badges", ".caution", ".first figure"):
            box = page.locator(f"#conclusion {part}").bounding_box()
            assert box["y"] >= 0, part
            assert box["y"] + box["height"] <= 720, part
            assert box["x"] + box["width"] <= 1280, part
        assert page.locator(".badge").count() == 3
        rows = page.locator("#conclusion figure tbody tr").count()
        decided = [c for c in material.verdicts.claims if c.verdict in {"upheld", "refuted"}]
        assert rows >= len([c for c in decided if c.measured])


def test_every_word_of_a_chart_lies_inside_it(tab):
    with tab() as page:
        words, outside = page.evaluate(
            """() => {
                const texts = [...document.querySelectorAll("svg text")];
                const outside = texts.filter(each => {
                    const word = each.getBoundingClientRect();
                    const chart = each.closest(".chart, .drawn").getBoundingClientRect();
                    return word.top < chart.top - 1 || word.bottom > chart.bottom + 1 ||
                        word.left < chart.left - 1 || word.right > chart.right + 1;
                });
                return [texts.length, outside.map(each => each.textContent)];
            }"""
        )
        assert words > 50
        assert outside == []


def test_dark_is_dark_and_charts_follow(tab):
    seen = {}
    for scheme in ("light", "dark"):
        with tab(scheme=scheme) as page:
            seen[scheme] = page.evaluate(
                """() => {
                    const body = getComputedStyle(document.body);
                    const text = document.querySelector("svg text");
                    return [body.backgroundColor, body.color, getComputedStyle(text).fill];
                }"""
            )
    assert len({paper for paper, _, _ in seen.values()}) == 2
    for paper, ink, label in seen.values():
        assert len({paper, ink, label}) == 3
    assert seen["light"][2] != seen["dark"][2]
    assert seen["light"][0] == "rgb(255, 255, 255)"
    assert seen["dark"][0] != seen["light"][0]


def test_print_is_black_on_white_and_hides_nothing(tab):
    with tab(media="print", scheme="dark") as page:
        paper, ink = page.evaluate(
            "() => [getComputedStyle(document.body).backgroundColor,"
            " getComputedStyle(document.body).color]"
        )
        assert (paper, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
        assert not page.locator("nav").is_visible()
        hidden = page.eval_on_selector_all(
            "table", "all => all.filter(each => !each.checkVisibility()).length"
        )
        assert hidden == 0
        assert page.pdf(format="A4").startswith(b"%PDF-")


def test_what_it_does_not_show_is_as_large_as_what_it_shows(tab):
    with tab() as page:
        sizes = page.evaluate(
            """() => ["#trials", "#limits"].map(part => [...new Set(
                [...document.querySelectorAll(`${part} :is(p, li, td, h2, h3):not(figure *)`)].map(
                    each => `${each.localName.replace("li", "p")} ` +
                        getComputedStyle(each).fontSize))].sort())"""
        )
        assert sizes[0] == sizes[1]
