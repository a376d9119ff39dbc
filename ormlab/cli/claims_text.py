"""Claims and verdicts as text: the conclusion first, then a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.tables import Row, Table, columns
from analysis.tables import verdicts as tables
from bundle.display import quantity
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.documents.verdicts import (
        CheckOutcome,
        ClaimJudgement,
        JudgedClaim,
        Judgement,
        OnTrial,
        Verdicts,
    )
    from ormlab.judging.verdicts import ClaimOverview, Overview

_NONE = "-"


def ledger_text(overview: Overview) -> str:
    """What is claimed, then the arithmetic."""
    page = Page()
    page.line(f"{overview.ledger.title}: {overview.conclusion}")
    named = columns("Claim", "Published", "Arithmetic", "Tested by", "Follows from")
    page.table(Table("Claims", named, tuple(map(_overview, overview.claims))))
    _checks(page, overview.checks)
    return page.text()


def _overview(claim: ClaimOverview) -> Row:
    tested = claim.plan or ("untestable" if claim.untestable else "no plan yet")
    follows = " or ".join(" + ".join(entry) for entry in claim.entailed_by)
    return Row((claim.id, claim.published, claim.arithmetic or _NONE, tested, follows or _NONE))


def claim_text(claim: ClaimOverview, checks: Sequence[CheckOutcome]) -> str:
    """One claim with its conditions, and the checks that throw doubt on it."""
    page = Page()
    page.line(f"{claim.id}: {claim.says}")
    rows = {
        "published": f"{claim.published} ({claim.source}: {claim.locator})",
        "portability": claim.portability,
        "tolerance": claim.tolerance,
        "tested by": claim.plan,
        "untestable": claim.untestable,
        "not run": claim.not_run,
        "cost": claim.cost,
        "note": claim.note,
    }
    for name, value in rows.items():
        if value:
            page.line(f"  {name:<12} {value}")
    for name, condition in claim.conditions.items():
        seen = "not published" if condition.value is None else condition.value
        weight = ", material" if condition.material else ""
        page.line(f"  condition    {name} = {seen} ({condition.status}{weight})")
    _checks(page, checks)
    return page.text()


def verdicts_text(judged: Verdicts, bundle: Path) -> str:
    """Claim by claim: published, measured with its interval, verdict, why."""
    page = Page()
    page.line(judged.conclusion)
    page.table(tables.verdicts("Verdicts", judged.claims))
    _beside(page, judged.claims)
    _weaknesses(page, [(claim.id, claim) for claim in judged.claims])
    page.line(f"bundle: {bundle}")
    return page.text()


def judgement_text(judgement: Judgement, file: Path) -> str:
    """The standing of every claim over several bundles."""
    page = Page()
    page.line(judgement.conclusion)
    page.table(tables.standing("Verdicts", judgement.claims))
    _beside(page, judgement.claims)
    for claim in judgement.claims:
        if hosts := claim.across_hosts:
            across = f"{hosts.above_one} of {quantity(hosts.hosts, 'host')} above 1"
            if expected := hosts.prediction:
                across += ", another host to be expected between "
                across += f"{expected.low:.2f} and {expected.high:.2f}"
            page.line(f"{claim.id} across hosts: {across}")
    _weaknesses(page, [(claim.id, one) for claim in judgement.claims for one in claim.standing])
    for bundle in judgement.bundles:
        if not bundle.sealed_with_the_ledger:
            weakness = f"{bundle.id} was not sealed with this ledger, which may be newer"
            page.line(f"weakness: {weakness}")
    page.line(f"judgement: {file}")
    return page.text()


def _beside(page: Page, claims: Sequence[OnTrial]) -> None:
    """Verdicts under other assumptions, the claims that these flip, and those in doubt."""
    for claim in claims:
        for variant in claim.variants:
            for one in variant.standing:
                figure = ", ".join(tables.figure(one).splitlines())
                line = f"{claim.id} if {variant.assumes}: {one.said}, measured {figure}: {one.why}"
                page.line(line)
    for claim in claims:
        for flip in claim.flips:
            tested = f" ({claim.assumes})" if claim.assumes else ""
            flips = f"{claim.id} flips with an assumption: {flip.as_tested} as tested{tested}, "
            page.line(f"{flips}{flip.otherwise} if {flip.assumes}")
    for claim in claims:
        for other in claim.undermined_by:
            beside = " and ".join(other.together_with)
            both = f" or {beside}, or both, are wrong" if beside else " cannot stand as published"
            page.line(f"{claim.id}{both}: {other.claim} follows and was refuted")


def _weaknesses(page: Page, judged: Sequence[tuple[str, ClaimJudgement | JudgedClaim]]) -> None:
    """Each weakness once, with the claims that have it."""
    by_weakness: dict[str, dict[str, None]] = {}
    for name, verdict in judged:
        for weakness in verdict.weaknesses:
            by_weakness.setdefault(weakness, {})[name] = None
    for weakness, names in by_weakness.items():
        page.line(f"weakness: {weakness} ({', '.join(names)})")


def _checks(page: Page, checks: Sequence[CheckOutcome]) -> None:
    for check in checks:
        page.line(f"{check.outcome}: {check.check}: {check.says}: {check.what}")
