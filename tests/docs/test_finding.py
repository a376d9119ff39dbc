"""What the README opens with follows from the bundles in evidence/, by the code of today."""

from __future__ import annotations

import json
import math

from analysis.claims import CLAIM_METRICS
from docs import finding

JUDGEMENT = finding.judgement()


def test_the_judgement_is_what_its_bundles_come_to(tmp_path):
    told = finding.judged_anew(tmp_path / "archive")
    assert rounded(json.dumps(told)) == rounded(json.dumps(JUDGEMENT))


def rounded(document):
    """Another processor may give other last digits."""
    return json.loads(document, parse_float=lambda digits: float(f"{float(digits):.6g}"))


def test_every_row_of_the_table_is_in_the_readme_with_its_verdict():
    lines = (finding.ROOT / "README.md").read_text().splitlines()
    claims = {claim["id"]: claim for claim in JUDGEMENT["claims"]}
    for name, what in finding.ROWS.items():
        (row,) = [line for line in lines if line.startswith((f"| {what} |", f"| {what}: "))]
        claim, _, variant = name.partition("/")
        tested = next(
            (each for each in claims[claim]["variants"] if each["name"] == variant), claims[claim]
        )
        assert finding.shown(tested["standing"])["verdict"] in row
    for name, what in finding.SIDES.items():
        (row,) = [line for line in lines if line.startswith(f"| {what}, 500 ")]
        assert finding.shown(claims[f"{name}.direction"]["standing"])["verdict"] in row


def test_memory_is_named_by_the_unit_in_which_it_is_measured():
    assert CLAIM_METRICS["rss"].unit in finding.SIDES["rss"].split()


def test_most_of_what_the_case_study_gains_in_p99_is_the_labs_cache():
    """As the words under the tables say: on a logarithmic scale, more than half of the change."""
    claims = {claim["id"]: claim for claim in JUDGEMENT["claims"]}
    cached, (uncached,) = (
        claims["case.p99.direction"]["standing"],
        [
            variant["standing"]
            for variant in claims["case.p99.direction"]["variants"]
            if variant["name"] == "uncached"
        ],
    )
    with_cache, without = (finding.shown(each)["measured"]["value"] for each in (cached, uncached))
    assert math.log(without) / math.log(with_cache) < 1 / 2


def runs(*verdicts):
    return [{"verdict": verdict, "side": "below", "run": n} for n, verdict in enumerate(verdicts)]


def test_of_several_runs_the_newest_that_came_furthest_is_shown():
    assert finding.shown(runs("refuted"))["run"] == 0
    assert finding.shown(runs("refuted", "invalid_run"))["run"] == 0
    assert finding.shown(runs("refuted", "refuted", "incomparable"))["run"] == 1


def test_runs_that_contradict_each_other_decide_nothing():
    stands = finding.shown(runs("refuted", "upheld", "invalid_run"))
    assert (stands["verdict"], stands["side"]) == ("inconclusive", None)
