"""The same claim under another assumption: judged by the same table, and a flip is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.claims import ClaimVerdict, Place, judgement, lint, verdicts
from analysis.claims.lint import PlanParts
from bundle.documents.verdicts import Undermined
from ormlab.cli.claims_text import judgement_text, verdicts_text
from tests.claims.making import claim, ledger, run

V = ClaimVerdict
SHA256 = "ab" * 32
TWO = {"assumes": "two workers", "arms": {"a": {"subject": "a-2"}, "b": {"subject": "b-2"}}}


def book(variants, kind="ordering", entailed_by=(), **parts):
    made = claim(kind, entailed_by=list(entailed_by))
    made["test"] |= {"assumes": "one worker", "variants": variants}
    premises = {name: claim("absolute") for name in entailed_by}
    return ledger(claims={"tput.a": made, **premises}, **parts)


def run_both(one, two, *, load="wrk", **changes):
    """A run in which the subjects of the variant have other means, or another load has."""
    base, other = run(one, **changes), run(two, **changes)
    end = "" if load != "wrk" else "-2"
    places = {
        Place(_also(place.subject, end), place.workload, load): trials
        for place, trials in other.trials.items()
    }
    stacks = {**base.stacks, "a-2": base.stacks["a"], "b-2": base.stacks["b"]}
    plan, arms = base.resolved.plan, base.resolved.arms
    subjects = {**plan.subjects, **{f"{name}-2": plan.subjects[name] for name in "ab"}}
    resolved = base.resolved.model_copy(
        update={
            "plan": plan.model_copy(update={"subjects": subjects}),
            "arms": {**arms, **{_also(arm, "-2"): f"{of}-2" for arm, of in arms.items()}},
        }
    )
    return replace(base, trials={**base.trials, **places}, stacks=stacks, resolved=resolved)


def _also(subject, end):
    """The name of a variant's subject, or of its null arm."""
    own, null, _ = subject.partition("-null")
    return f"{own}{end}{null}"


def told(ledger_, *runs):
    (one,) = judgement(ledger_, SHA256, runs).claims
    return one


@pytest.mark.parametrize(
    ("one", "two", "flips"),
    [
        ((1100, 1000), (900, 1000), [("upheld", "refuted, below")]),
        ((900, 1000), (1100, 1000), [("refuted, below", "upheld")]),
        ((1100, 1000), (1200, 1000), []),
        ((1100, 1000), (1000, 1000), []),
    ],
)
def test_a_verdict_flips_only_where_both_are_decided_and_differ(one, two, flips):
    found = told(book({"two": TWO}), run_both(one, two))
    assert [(each.as_tested, each.otherwise) for each in found.flips] == flips
    (variant,) = found.variants
    assert variant.assumes == "two workers"
    assert found.assumes == "one worker"


def test_above_and_below_the_band_are_a_flip_too():
    made = book({"two": TWO}, "ratio")
    found = told(made, run_both((2000, 1000), (1100, 1000)))
    (flip,) = found.flips
    assert (flip.as_tested, flip.otherwise) == ("refuted, above", "refuted, below")


def test_a_variant_is_judged_by_the_same_table():
    found = told(book({"two": TWO}), run_both((1100, 1000), (900, 1000), blocks=4))
    (one,) = found.variants[0].standing
    assert one.verdict == V.INCONCLUSIVE
    assert "4 blocks" in one.why
    found = told(book({"two": TWO}), run((1100, 1000)))
    (one,) = found.variants[0].standing
    assert one.verdict == V.NOT_RUN
    assert "a-2" in one.why


def test_a_variant_may_have_another_load_and_other_conditions():
    stated = {"value": 64, "status": "stated", "material": True, "reading": "load.connections"}
    inferred = stated | {"value": 8, "status": "inferred", "note": "its figures imply it"}
    conditions = {"c64": {"connections": stated}, "c8": {"connections": inferred}}
    variants = {
        "c8": {"assumes": "8 connections", "load": "few"},
        "c8-inferred": {"assumes": "8 connections", "load": "few", "conditions": ["c8"]},
    }
    made = claim("ordering", conditions=["c64"])
    made["test"] |= {"variants": variants}
    few = {"few": {"connections": 8}}
    on = run_both((1100, 1000), (900, 1000), load="few", loads=few)
    found = told(ledger(claims={"tput.a": made}, conditions=conditions), on)
    verdict_of = {each.name: each.standing[0].verdict for each in found.variants}
    assert verdict_of == {"c8": V.INCOMPARABLE, "c8-inferred": V.REFUTED}
    assert [flip.variant for flip in found.flips] == ["c8-inferred"]


def test_a_variant_in_a_plan_of_its_own_is_held_against_the_test_on_the_same_host_only():
    made = book({"other": {"assumes": "another pool", "plan": "other"}})
    here, there = "1" * 64, "2" * 64
    runs = [run((1100, 1000), host=here), run((900, 1000), plan="other", host=there, seal=there)]
    assert told(made, *runs).flips == ()
    runs.append(run((900, 1000), plan="other", host=here))
    found = told(made, *runs)
    (flip,) = found.flips
    assert flip.host == here
    assert len(found.standing) == 1
    assert len(found.variants[0].standing) == 2


def test_a_verdict_that_an_assumption_decides_accuses_no_premise():
    made = book({"two": TWO}, entailed_by=["base"])
    firm, open_ = run_both((900, 1000), (900, 1000)), run_both((900, 1000), (1100, 1000))
    accused = [
        {each.id: each.undermined_by for each in judgement(made, SHA256, [on]).claims}
        for on in (firm, open_)
    ]
    assert accused[0]["base"] == (Undermined(claim="tput.a", together_with=()),)
    assert accused[1]["base"] == ()


def test_both_documents_and_both_texts_say_that_it_flips():
    made, on = book({"two": TWO}), run_both((1100, 1000), (900, 1000))
    sentence = (
        "tput.a flips with an assumption: upheld as tested (one worker), refuted, below if two"
    )
    one, many = verdicts(made, SHA256, on), judgement(made, SHA256, [on])
    for document, text in (
        (one, verdicts_text(one, Path("b"))),
        (many, judgement_text(many, Path("j"))),
    ):
        assert "1 flips with an assumption" in document.conclusion
        assert document.claims[0].flips
        assert sentence in text
        assert "tput.a if two workers: refuted, below, measured 0.9" in text


def test_what_a_variant_names_must_exist():
    plans = {"small": PlanParts(frozenset({"a", "b"}), frozenset({"read-one"}), frozenset({"wrk"}))}
    wrong = {
        "plan-unknown": {"assumes": "x", "plan": "none"},
        "plan-part-unknown": {"assumes": "x", "load": "none"},
        "subject-unknown": {"assumes": "x", "arms": {"z": {"subject": "a"}}},
        "conditions-unknown": {"assumes": "x", "conditions": ["none"]},
    }
    for code, variant in wrong.items():
        (problem,) = lint(book({"v": variant}), plans)
        assert problem.code == code
    assert lint(book({"v": {"assumes": "x"}}), plans) == []


def test_without_a_bundle_a_claim_has_a_verdict_too():
    made = ledger(claims={"d": claim("ordering")})
    found = judgement(made, SHA256, [], only=["d"])
    (one,) = found.claims
    assert one.standing[0].verdict == V.NOT_RUN
    assert one.standing[0].bundle is None
    assert found.conclusion == "Of 1 claim in A small ledger: 1 not_run."
    assert found.claims_in_ledger == 2
