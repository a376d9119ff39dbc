"""What the README opens with follows from the bundles in evidence/, by the code of today."""

from __future__ import annotations

import json

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
        assert finding.shown(claims[name]["standing"])["verdict"] in row
    for name, what in finding.SIDES.items():
        (row,) = [line for line in lines if line.startswith(f"| {what}, 500 ")]
        assert finding.shown(claims[f"{name}.direction"]["standing"])["verdict"] in row


def runs(*verdicts):
    return [{"verdict": verdict, "side": "below", "run": n} for n, verdict in enumerate(verdicts)]


def test_of_several_runs_the_newest_that_came_furthest_is_shown():
    assert finding.shown(runs("refuted"))["run"] == 0
    assert finding.shown(runs("refuted", "invalid_run"))["run"] == 0
    assert finding.shown(runs("refuted", "refuted", "incomparable"))["run"] == 1


def test_runs_that_contradict_each_other_decide_nothing():
    stands = finding.shown(runs("refuted", "upheld", "invalid_run"))
    assert (stands["verdict"], stands["side"]) == ("inconclusive", None)
