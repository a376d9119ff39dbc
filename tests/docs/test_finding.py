"""What the documents say of the article follows from evidence/, by the code of today."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree as ET

import msgspec
import pytest
import yaml

from analysis.claims import CLAIM_METRICS, ClaimVerdict
from analysis.claims.standing import deciding
from bundle.codec import plain
from docs import finding, picture
from docs.evidence import fetch, here

JUDGEMENT = finding.judgement()
PLAIN = plain(JUDGEMENT)  # as the file has it


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The bundles in evidence/; no test may change them."""
    folder = tmp_path_factory.mktemp("archive")
    fetch(folder, here())
    return folder


@pytest.fixture(scope="module")
def sample(archive):
    """What they come to."""
    return finding.judged_anew(archive)


def test_the_verdicts_are_what_the_bundles_in_evidence_come_to(sample):
    """`make test-evidence` holds the whole judgement against all bundles."""
    told, kept = (rounded(json.dumps(plain(each))) for each in (sample, JUDGEMENT))
    assert told["bundles"] == [each for each in kept["bundles"] if each["id"] in here()]
    assert (told["ledger"], told["checks"]) == (kept["ledger"], kept["checks"])
    found, due = by_bundle(told), by_bundle(kept)
    judged = {each["id"] for each in told["bundles"]}
    assert only(found, judged) == only(due, judged)
    on_paper = only(due, {None})
    assert {key: found[key] for key in on_paper} == on_paper


def by_bundle(judgement):
    """Every verdict by claim, variant (or None) and bundle (or None, where none was needed)."""
    return {
        (claim["id"], under.get("name"), stands["bundle"]): stands
        for claim in judgement["claims"]
        for under in ({"standing": claim["standing"]}, *claim["variants"])
        for stands in under["standing"]
    }


def only(verdicts, bundles):
    return {key: stands for key, stands in verdicts.items() if key[-1] in bundles}


def test_the_bundles_in_evidence_have_every_verdict_and_every_generator_of_the_profile(
    archive, sample
):
    due, found = (
        {stands["verdict"] for stands in by_bundle(plain(each)).values()}
        for each in (JUDGEMENT, sample)
    )
    assert found == due >= {*ClaimVerdict} - {"invalid_run"}
    plans = [yaml.safe_load((archive / name / "inputs/plan.yaml").read_text()) for name in here()]
    used = {load["generator"] for each in plans for load in each["plan"]["loads"].values()}
    assert used == {"wrk", "client-closed", "client-open", "client-switchback"}


def test_the_counts_of_the_judgement_follow_from_its_verdicts():
    stands = [deciding(claim.standing, claim.together).verdict for claim in JUDGEMENT.claims]
    assert JUDGEMENT.counts == {each: stands.count(each) for each in ClaimVerdict}


def rounded(document):
    """Another processor may give other last digits."""
    return json.loads(document, parse_float=lambda digits: float(f"{float(digits):.6g}"))


def test_every_row_of_the_table_is_on_its_page_with_its_verdict():
    lines = (finding.ROOT / "docs/article.md").read_text().replace("\\", "").splitlines()
    claims = {claim.id: claim for claim in JUDGEMENT.claims}
    for name, what in finding.ROWS.items():
        (row,) = [line for line in lines if line.startswith((f"| {what} |", f"| {what}: "))]
        claim, _, variant = name.partition("/")
        assert finding.under(claims[claim], variant).verdict in row
    for name, what in finding.SIDES.items():
        (row,) = [line for line in lines if line.startswith(f"| {what}, 500 ")]
        assert finding.under(claims[f"{name}.direction"], "").verdict in row


def test_every_order_with_a_measured_ratio_is_drawn():
    """Counted here without the code that draws: orders that one run measured, as tested."""
    tested = [
        claim
        for claim in PLAIN["claims"]
        if claim["kind"] == "ordering" and not claim["published"].startswith("error_rate")
    ]
    measured = [each for each in tested if any(one["measured"] for one in each["standing"])]
    drawn = [row.says for row in picture.rows(JUDGEMENT)]
    assert {each["says"] for each in measured} <= set(drawn)
    assert len(drawn) == len(set(drawn))


@pytest.mark.parametrize(
    ("says", "published"),
    [
        ("SQLAlchemy answers more requests a second", 1.42),  # as a ratio
        ("Tortoise has the higher 99th percentile, 100 connections", 68.9 / 42.1),  # two figures
        ("SQLAlchemy takes more memory", 112 / 89),  # which contradict the printed ratio, 1.18
        ("Prefetching lowers the latency of the order history", 1 / 0.66),  # a ratio, turned round
    ],
)
def test_a_published_ratio_is_that_of_the_printed_figures(says, published):
    (row,) = [each for each in picture.rows(JUDGEMENT) if each.says == says]
    assert row.published == pytest.approx(published)


def test_the_side_of_an_interval_agrees_with_the_verdict():
    sides = {"upheld": (1, math.inf), "refuted": (0, 1)}
    rows = picture.rows(JUDGEMENT)
    for row in rows:
        low, high = sides.get(row.verdict, (0, math.inf))
        assert low < row.low <= row.measured <= row.high < high
    assert {row.verdict for row in rows} >= set(sides)


def test_the_picture_follows_light_and_dark_and_can_be_heard():
    root = ET.fromstring(picture.svg(JUDGEMENT))
    svg = "{http://www.w3.org/2000/svg}"
    texts = {"".join(each.itertext()) for each in root.iter(f"{svg}text")}
    description = root.findtext(f"{svg}desc")
    for row in picture.rows(JUDGEMENT):
        assert f"{row.verdict} {row.figure}" in texts
        assert f"{row.says}: " in description
    assert "prefers-color-scheme: dark" in root.findtext(f"{svg}style")
    assert root.get("role") == "img"


def test_memory_is_named_by_the_unit_in_which_it_is_measured():
    assert CLAIM_METRICS["rss"].unit in finding.SIDES["rss"].split()


def test_most_of_what_the_case_study_gains_in_p99_is_the_labs_cache():
    """As docs/article.md says: on a logarithmic scale, more than half of the change."""
    (claim,) = [each for each in JUDGEMENT.claims if each.id == "case.p99.direction"]
    with_cache, without = (
        finding.under(claim, variant).measured.value for variant in ("", "uncached")
    )
    assert math.log(without) / math.log(with_cache) < 1 / 2


def runs(*verdicts):
    """Runs of one claim, the newest last; each says its number as its reason."""
    pattern = JUDGEMENT.claims[0].standing[0]
    return [
        msgspec.structs.replace(pattern, verdict=ClaimVerdict(verdict), side="below", why=str(n))
        for n, verdict in enumerate(verdicts)
    ]


def shown(stands):
    return deciding(stands, ())


def test_of_several_runs_the_newest_that_came_furthest_is_shown():
    assert shown(runs("refuted")).why == "0"
    assert shown(runs("refuted", "invalid_run")).why == "0"
    assert shown(runs("refuted", "refuted", "incomparable")).why == "1"


def test_runs_that_contradict_each_other_decide_nothing():
    stands = shown(runs("refuted", "upheld", "invalid_run"))
    assert (stands.verdict, stands.side) == ("inconclusive", None)
