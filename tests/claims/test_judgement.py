from __future__ import annotations

import json
import math
import re
from pathlib import Path

import msgspec
import pytest

from analysis.claims import ClaimVerdict, judgement, verdicts
from analysis.claims.lint import CODES
from analysis.claims.standing import deciding, undermined
from analysis.inference import RunMean, combine
from bundle import typed
from bundle.codec import parse, plain, serialise
from bundle.documents.verdicts import Judgement, Undermined, Verdicts
from ormlab.cli.claims_text import judgement_text, verdicts_text
from ormlab.judging.ledger import load
from ormlab.judging.verdicts import store
from tests.claims.making import claim, ledger, run
from tests.cli import inside
from tests.conftest import CHECKOUT

V = ClaimVerdict
SHA256 = "ab" * 32
CLAIMS = {
    "tput.a": claim(),
    "ratio": claim("ratio", entailed_by=[["tput.a", "tput.b"]]),
    "tput.b": claim(subjects=["b"], value=800),
    "direction": claim("ordering", entailed_by=["ratio"]),
}


def ormlab(*arguments, code=0):
    return inside.ormlab(*arguments, code=code).stdout


def test_one_bundle_judges_every_claim_of_the_ledger():
    book = ledger(claims=CLAIMS)
    told = verdicts(book, SHA256, run((700, 1000)))
    assert [each.id for each in told.claims] == list(CLAIMS)
    assert list(told.counts) == list(ClaimVerdict)
    assert sum(told.counts.values()) == len(CLAIMS)
    assert told.conclusion.startswith("Of 4 claims in A small ledger: ")
    assert told.sealed_with_the_ledger is False
    text = verdicts_text(told, Path("bundle"))
    assert text.startswith(told.conclusion)
    assert all(name in text for name in CLAIMS)
    assert "ratio cannot stand as published: direction follows and was refuted" in text


def test_the_verdicts_of_a_bundle_are_read_as_they_were_written():
    told = verdicts(ledger(claims=CLAIMS), SHA256, run((700, 1000)))
    assert msgspec.convert(parse(serialise(told)), Verdicts) == told


def test_what_earlier_versions_left_out_is_nothing():
    told = plain(verdicts(ledger(claims=CLAIMS), SHA256, run()))
    for claim_ in told["claims"]:
        for key in ("assumes", "variants", "flips", "pairs"):
            del claim_[key]
    read = msgspec.convert(told, Verdicts)
    left = {(each.assumes, each.variants, each.flips, each.pairs) for each in read.claims}
    assert left == {("", (), (), ())}


@pytest.mark.parametrize(
    ("key", "value"),
    [("verdict", "proven"), ("strength", None), ("band", {"low": 1.0}), ("mood", "good")],
)
def test_a_claim_that_is_no_claim_is_refused(key, value):
    told = plain(verdicts(ledger(claims=CLAIMS), SHA256, run()))
    told["claims"][0][key] = value
    with pytest.raises(msgspec.ValidationError, match=r"claims\[0\]|claims\[...\]"):
        msgspec.convert(told, Verdicts)


def test_a_refuted_consequence_undermines_its_premises_only_if_it_holds_anywhere():
    book = ledger(claims=CLAIMS)
    refuted = ClaimVerdict.REFUTED
    assert undermined(book, {"direction": refuted}) == {
        "ratio": (Undermined(claim="direction", together_with=()),)
    }
    assert undermined(book, {"ratio": refuted}) == {}
    # What contradicts them on paper does not follow from them: both may be true.
    assert undermined(book, {"ratio": ClaimVerdict.INCOHERENT}) == {}


def test_several_hosts_give_a_direction_and_a_prediction_but_no_size(tmp_path):
    book = ledger(claims=CLAIMS)
    hosts = {str(n) * 64: mean for n, mean in enumerate((700, 900, 1100))}
    runs = [
        run((mean, 1000), host=host, seed=n, seal=host)
        for n, (host, mean) in enumerate(hosts.items())
    ]
    told = judgement(book, SHA256, runs)
    # The sizes were refuted everywhere; the direction was upheld once, and so is open.
    assert (told.counts[V.REFUTED], told.counts[V.INCONCLUSIVE]) == (3, 1)
    direction = next(each for each in told.claims if each.id == "direction")
    assert [each.verdict for each in direction.standing] == [V.REFUTED, V.REFUTED, V.UPHELD]
    assert direction.across_hosts.hosts == 3
    assert direction.across_hosts.above_one == 1
    prediction = direction.across_hosts.prediction
    assert prediction.low < 0.7
    assert prediction.high > 1.1
    absolute = next(each for each in told.claims if each.id == "tput.a")
    assert absolute.across_hosts is None
    assert [each.seal for each in told.bundles] == list(hosts)
    file = store(told, tmp_path)
    assert store(told, tmp_path) == file
    assert typed.read(tmp_path, Judgement, file.name) == told
    assert str(file) in judgement_text(told, file)


def test_runs_of_one_host_are_one_host():
    told = judgement(ledger(claims=CLAIMS), SHA256, [run(seed=1), run(seed=2)])
    assert all(each.across_hosts is None for each in told.claims)


def sealed(number, means=(900, 1000), **changes):
    return run(means, seed=number, seal=str(number) * 64, **changes)


def direction(*runs):
    """The claim of an order, by these runs."""
    told = judgement(ledger(claims=CLAIMS), SHA256, runs)
    (found,) = [each for each in told.claims if each.id == "direction"]
    return found


def test_several_committed_runs_of_one_host_decide_together():
    runs = [sealed(n, (985, 1000), blocks=8, sd=0.04) for n in (1, 2, 3)]
    found = direction(*runs)
    assert {each.verdict for each in found.standing} == {V.INCONCLUSIVE}
    (one,) = found.together
    means = [
        RunMean(math.log(each.measured.value), each.measured.error, 8) for each in found.standing
    ]
    assert one.measured.estimates == (combine(means).estimate,)
    assert one.measured.blocks == 24
    assert one.why.startswith("3 runs together: ")
    assert one.seals == tuple(each.seal for each in runs)
    assert deciding(found.standing, found.together) is one


def test_nodes_of_one_fingerprint_are_hosts_of_their_own():
    """Their runs are not pooled as those of one host would be."""
    nodes = ["a" * 64, "a" * 64, "b" * 64]
    found = direction(*(sealed(n, node=node) for n, node in enumerate(nodes, start=1)))
    (one,) = found.together
    assert (one.host, len(one.seals)) == ("a" * 64, 2)


def test_what_no_single_run_shows_several_may():
    runs = [sealed(n, (960, 1000), blocks=6, sd=0.03) for n in range(1, 7)]
    found = direction(*runs)
    assert V.INCONCLUSIVE in {each.verdict for each in found.standing}
    assert (found.together[0].verdict, found.together[0].side) == (V.REFUTED, "below")


def test_runs_of_one_host_that_disagree_decide_nothing():
    found = direction(sealed(1, (900, 1000)), sealed(2, (700, 1000)))
    assert {each.verdict for each in found.standing} == {V.REFUTED}
    (one,) = found.together
    assert one.verdict == V.INCONCLUSIVE
    assert "the runs disagree by more than chance" in one.why
    # On two hosts they need not agree.
    apart = direction(sealed(1, (900, 1000)), sealed(2, (700, 1000), host="8" * 64))
    assert apart.together == ()
    assert deciding(apart.standing, ()).verdict == V.REFUTED


@pytest.mark.parametrize(
    "other",
    [
        {"dirty": True},  # no commit has its source
        {"blocks": 5},  # an estimate
        {"profile": "smoke"},
        {"null": None},
        {"verdict": "VOID"},
    ],
)
def test_one_committed_run_decides_alone(other):
    found = direction(sealed(1), sealed(2, (1100, 1000), **other))
    assert found.together == ()
    chosen = deciding(found.standing, found.together)
    assert (chosen, chosen.verdict) == (found.standing[0], V.REFUTED)


def test_sizes_and_differences_are_not_weighed_together():
    book = ledger(claims=CLAIMS | {"errors": claim("ordering", metric="error_rate")})
    told = judgement(book, SHA256, [sealed(1, (1000, 800)), sealed(2, (1000, 800))])
    assert {each.id for each in told.claims if each.together} == {"ratio", "direction"}


def test_the_example_of_the_documentation_is_sound(tmp_path):
    page = (CHECKOUT / "docs/claims.md").read_text()
    (example,) = re.findall(r"<!-- example -->\n\n```yaml\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "page.yaml"
    path.write_text(example)
    told = json.loads(ormlab("claims", "lint", path, "--json"))
    assert told["ok"] is True
    assert told["claims"] == 2
    assert "holds: twice" in ormlab("claims", "show", path)
    assert "not published" in ormlab("claims", "show", path, "--claim", "read.ratio")


def test_the_article_is_shown_with_its_arithmetic():
    told = json.loads(ormlab("claims", "show", "article", "--json"))
    claims = {each["id"]: each for each in told["claims"]}
    incoherent = {name for name, each in claims.items() if each["arithmetic"] == "incoherent"}
    assert incoherent == {"rss.ratio"}
    assert len(claims) == len(load("article").ledger.claims)
    one = json.loads(ormlab("claims", "show", "article", "--claim", "p50.tortoise", "--json"))
    assert [each["id"] for each in one["claims"]] == ["p50.tortoise"]
    assert one["checks"]


def test_a_wrong_ledger_is_told_with_exit_2(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("schema: claims-ledger/1\n")
    told = json.loads(ormlab("claims", "lint", path, "--json", code=2))
    assert told["ok"] is False
    assert {each["code"] for each in told["problems"]} <= set(CODES)
    ormlab("claims", "show", path, code=2)
    ormlab("claims", "show", "article", "--claim", "nothing", code=2)


@pytest.mark.parametrize("arguments", [["x", "y"], ["--ledger", "article"]])
def test_judging_several_bundles_needs_a_ledger_and_a_ledger_needs_a_bundle(arguments):
    ormlab("judge", *arguments, code=2)


def test_the_registries_are_listed():
    told = json.loads(ormlab("claims", "metrics", "--json"))
    assert {"throughput", "rss", "error_rate"} <= {each["name"] for each in told["metrics"]}
    assert "host.class" in ormlab("claims", "metrics")
