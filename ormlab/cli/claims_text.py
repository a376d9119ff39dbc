"""Claims and verdicts as text: the conclusion first, then a table."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from analysis import rounding

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH = 150  # where standard output is no terminal
_NONE = "-"


def ledger_text(told: dict[str, Any]) -> str:
    """What is claimed, then the arithmetic."""
    out, console = _console()
    title = told["ledger"]["title"]
    console.print(f"{title}: {told['conclusion']}", soft_wrap=True)
    table = _table("claim", "published", "arithmetic", "tested by", "follows from")
    for claim in told["claims"]:
        tested = claim["plan"] or ("untestable" if claim["untestable"] else "no plan yet")
        follows = " or ".join(" + ".join(entry) for entry in claim["entailed_by"])
        arithmetic = claim["arithmetic"] or _NONE
        table.add_row(claim["id"], claim["published"], arithmetic, tested, follows or _NONE)
    console.print(table)
    _checks(console, told["checks"])
    return out.getvalue().rstrip("\n")


def claim_text(claim: dict[str, Any], checks: list[dict[str, Any]]) -> str:
    """One claim with its conditions, and the checks that throw doubt on it."""
    out, console = _console()
    console.print(f"{claim['id']}: {claim['says']}", soft_wrap=True)
    rows = {
        "published": f"{claim['published']} ({claim['source']}: {claim['locator']})",
        "portability": claim["portability"],
        "tolerance": claim["tolerance"],
        "tested by": claim["plan"],
        "untestable": claim["untestable"],
        "not run": claim["not_run"],
        "cost": claim["cost"],
        "note": claim["note"],
    }
    for name, value in rows.items():
        if value:
            console.print(f"  {name:<12} {value}", soft_wrap=True)
    for name, condition in claim["conditions"].items():
        value = "not published" if condition["value"] is None else condition["value"]
        weight = ", material" if condition["material"] else ""
        console.print(f"  condition    {name} = {value} ({condition['status']}{weight})")
    _checks(console, checks)
    return out.getvalue().rstrip("\n")


def verdicts_text(told: dict[str, Any], bundle: Path) -> str:
    """Claim by claim: published, measured with its interval, verdict, why."""
    out, console = _console()
    console.print(told["conclusion"], soft_wrap=True)
    table = _table("claim", "published", "measured", "verdict", "strength", "why")
    for claim in told["claims"]:
        table.add_row(claim["id"], claim["published"], *verdict_cells(claim))
    console.print(table)
    _beside(console, told["claims"])
    _weaknesses(console, [(claim["id"], claim) for claim in told["claims"]])
    console.print(f"bundle: {bundle}", soft_wrap=True)
    return out.getvalue().rstrip("\n")


def judgement_text(told: dict[str, Any], file: Path) -> str:
    """The standing of every claim over several bundles."""
    out, console = _console()
    console.print(told["conclusion"], soft_wrap=True)
    table = _table("claim", "published", "measured", "verdict", "strength", "why", "bundle")
    for claim in told["claims"]:
        for number, verdict in enumerate(claim["standing"]):
            head = ("", "") if number else (claim["id"], claim["published"])
            table.add_row(*head, *verdict_cells(verdict), verdict["bundle"] or _NONE)
    console.print(table)
    _beside(console, told["claims"])
    for claim in told["claims"]:
        if hosts := claim["across_hosts"]:
            said = f"{hosts['above_one']} of {hosts['hosts']} hosts above 1"
            if hosts["prediction"]:
                low, high = hosts["prediction"]["low"], hosts["prediction"]["high"]
                said += f", another host to be expected between {low:.2f} and {high:.2f}"
            console.print(f"{claim['id']} across hosts: {said}", soft_wrap=True)
    standing = [(claim["id"], one) for claim in told["claims"] for one in claim["standing"]]
    _weaknesses(console, standing)
    for bundle in told["bundles"]:
        if not bundle["sealed_with_the_ledger"]:
            said = f"weakness: {bundle['id']} was not sealed with this ledger, which may be newer"
            console.print(said, soft_wrap=True)
    console.print(f"judgement: {file}", soft_wrap=True)
    return out.getvalue().rstrip("\n")


def _beside(console: Console, claims: list[dict[str, Any]]) -> None:
    """What stands beside the verdicts: other assumptions, where they decide, what is shaken."""
    for claim in claims:
        for variant in claim["variants"]:
            for one in variant["standing"]:
                figure, verdict, _, why = verdict_cells(one)
                said = f"{claim['id']} if {variant['assumes']}: {verdict}, measured {figure}: {why}"
                console.print(said, soft_wrap=True)
    for claim in claims:
        for flip in claim["flips"]:
            tested = f" ({claim['assumes']})" if claim["assumes"] else ""
            said = (
                f"{claim['id']} flips with an assumption: {flip['as_tested']} as tested{tested}, "
            )
            console.print(f"{said}{flip['otherwise']} if {flip['assumes']}", soft_wrap=True)
    for claim in claims:
        for each in claim["undermined_by"]:
            beside = " and ".join(each["together_with"])
            both = f" or {beside}, or both, are wrong" if beside else " cannot stand as published"
            said = f"{claim['id']}{both}: {each['claim']} follows and was refuted"
            console.print(said, soft_wrap=True)


def verdict_cells(judged: dict[str, Any]) -> tuple[str, str, str, str]:
    """The cells of a table for one verdict: measured with its interval, verdict, strength, why."""
    verdict = judged["verdict"] + (f", {judged['side']}" if judged["side"] else "")
    return rounding.measured(judged["measured"]), verdict, judged["strength"], judged["why"]


def _weaknesses(console: Console, judged: list[tuple[str, dict[str, Any]]]) -> None:
    """Each weakness once, with the claims that have it."""
    by_weakness: dict[str, dict[str, None]] = {}
    for name, verdict in judged:
        for weakness in verdict["weaknesses"]:
            by_weakness.setdefault(weakness, {})[name] = None
    for weakness, names in by_weakness.items():
        console.print(f"weakness: {weakness} ({', '.join(names)})", soft_wrap=True)


def _checks(console: Console, checks: list[dict[str, Any]]) -> None:
    for check in checks:
        said = f"{check['outcome']}: {check['check']}: {check['says']}: {check['what']}"
        console.print(said, soft_wrap=True)


def _console() -> tuple[io.StringIO, Console]:
    out = io.StringIO()
    width = shutil.get_terminal_size((_WIDTH, 0)).columns
    return out, Console(file=out, width=width, highlight=False, markup=False, color_system=None)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column == "claim")
    return table
