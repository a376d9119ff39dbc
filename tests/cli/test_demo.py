"""What the demo says of a published benchmark in its first minute, and what it ends with."""

from __future__ import annotations

import shlex

from msgspec.structs import replace

from bundle import typed
from bundle.documents.verdicts import ClaimVerdict, Judgement
from docs import sample
from ormlab.base.errors import LoadError
from ormlab.cli import demo
from ormlab.judging import ledger
from ormlab.reproduce import choice

UPHELD, REFUTED, OPEN = ClaimVerdict.UPHELD, ClaimVerdict.REFUTED, ClaimVerdict.INCONCLUSIVE


def judgement(*verdicts):
    """The kept judgement with as many of its claims, decided like this."""
    kept = typed.read(sample.KEPT, Judgement, "judgement.json")
    claims = [
        replace(claim, standing=(replace(claim.standing[0], verdict=said, why=why),), together=())
        for claim, (said, why) in zip(kept.claims, verdicts, strict=False)
    ]
    return replace(kept, claims=tuple(claims), ledger=replace(kept.ledger, title="A title"))


def test_the_packages_that_do_not_run_are_named_with_their_reasons():
    told = demo.published_text(
        judgement(
            (UPHELD, "b 2 gets through import"),
            (REFUTED, "a 1: import fails: Error: no"),
            (OPEN, "nobody knows of c"),
        )
    )
    head, *reasons = told.splitlines()
    assert '"A title"' in head
    assert "1 of the 3 package versions" in head
    assert reasons == ["  a 1: import fails: Error: no", "  not decided: nobody knows of c"]


def test_a_long_reason_is_cut():
    *_, reason = demo.published_text(judgement((REFUTED, "word " * 200))).splitlines()
    assert len(reason) < 170
    assert reason.endswith(" ...")


def test_a_machine_that_cannot_say_it_gives_the_reason():
    judged = judgement((UPHELD, "fine"), (OPEN, "the host has no C compiler"))
    assert demo.published_text(judged).endswith(": the host has no C compiler.")
    failed = [LoadError("stack-network", "uv had no network")]
    assert demo.published_text(judged, failed).endswith(": uv had no network.")


def test_versions_that_run_are_not_complained_of():
    assert "run on the Python" in demo.published_text(judgement((UPHELD, "fine")))


def test_what_it_tries_needs_no_load():
    article = ledger.load(demo.LEDGER)
    chosen = choice.claims(article, (demo.CLAIMS,))
    assert len(chosen) >= 4
    assert choice.stacks_alone(article.ledger, chosen) is not None


def test_the_last_line_can_be_pasted_whatever_the_folder_is_called(tmp_path):
    program = tmp_path / "my 'own' lab/.venv/bin/ormlab"
    label, _, line = demo.next_text(program).partition(":")
    assert label == "next"
    called, *arguments = shlex.split(line)
    assert called == str(program)
    assert arguments == ["compare", "sqlalchemy", "tortoise"]
