"""Checks on paper: can an honest run have printed these figures together? No machine is needed.

A printed figure stands for every value that may be printed that way (``analysis.claims.printed``),
so each is an interval, and a check contradicts only if no values of these intervals fit, within
the ``slack`` that the check documents. A figure that is not stated can throw doubt, no more. A
number without a precision is taken as exact; where the check contradicts only because of that, it
throws doubt, too.

Figures that are averaged over several runs need such slack: the mean of the runs' ratios is not
the ratio of the means. If throughputs differ by a factor s between the runs, and so do the ratios,
the two differ by a factor (1 + s)^2 / (4 s) at the most: 1.002 for s = 1.1, 1.04 for s = 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.claims import checks, littles_law
from analysis.claims.ledger import Range
from analysis.claims.lint import inputs_of
from analysis.claims.printed import (
    Answer,
    Figure,
    against,
    quotient,
    undecided,
    widened,
)
from analysis.rounding import brief
from bundle.documents.results import Interval
from bundle.documents.verdicts import CheckOutcome, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.claims.checks import Check, Input
    from analysis.claims.ledger import Ledger

_ONE = Figure(1.0, 1.0, "stated")


def outcomes(ledger: Ledger) -> list[CheckOutcome]:
    """Carry out every check of a ledger that has no problems."""
    return [_carry_out(ledger, name, check) for name, check in ledger.checks.items()]


def _carry_out(ledger: Ledger, name: str, check: Check) -> CheckOutcome:
    inputs = inputs_of(check)
    claims = tuple(sorted({each for each in inputs.values() if each in ledger.claims}, key=str))
    named = check.concerns if isinstance(check, checks.Method | checks.Limit) else ()
    concerned = tuple(named) or claims
    answer = _answer(check, {key: _figure(ledger, value) for key, value in inputs.items()})
    contradicts = answer.outcome == Outcome.CONTRADICTS
    doubts = contradicts or answer.outcome == Outcome.DOUBTFUL
    return CheckOutcome(
        check=name,
        kind=check.kind,
        outcome=answer.outcome,
        says=check.says,
        what=answer.what,
        convicts=tuple(check.convicts) if contradicts else (),
        concerns=tuple(str(each) for each in concerned) if doubts else (),
        numbers=dict(answer.numbers),
    )


def _figure(ledger: Ledger, given: Input) -> Figure | None:
    """The figure that an input stands for; None if it is unknown or no number."""
    if isinstance(given, checks.Number):
        known = given.status != "unknown"
        return Figure.of(given.value, given.precision, given.status) if known else None
    claim = ledger.claims.get(given)
    if isinstance(claim, Range):
        return Figure(claim.low - claim.precision, claim.high + claim.precision, "stated")
    if claim is not None:
        value, precision = getattr(claim, "value", None), getattr(claim, "precision", None)
        if not isinstance(value, int | float):
            return None
        return Figure.of(value, precision, "stated")
    group, _, leaf = given.partition("/")
    condition = ledger.conditions[group][leaf]
    number = condition.value
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return Figure.of(number, condition.precision, condition.status)


def _answer(check: Check, figures: dict[str, Figure | None]) -> Answer:
    if isinstance(check, checks.Method):
        return Answer(Outcome.DOUBTFUL, check.note or check.says, {})
    needed = figures.keys() - (
        littles_law.OPTIONAL if isinstance(check, checks.LittlesLaw) else frozenset()
    )
    if missing := [name for name in figures if name in needed and figures[name] is None]:
        return undecided(f"unknown, so nothing can be computed: {', '.join(missing)}")
    known = {name: figure for name, figure in figures.items() if figure is not None}
    answer = _computed(check, known)
    doubt = _unsure(check, known) if answer.outcome == Outcome.CONTRADICTS else None
    return Answer(Outcome.DOUBTFUL, f"{answer.what}; {doubt}", answer.numbers) if doubt else answer


def _unsure(check: checks.Arithmetic, known: Mapping[str, Figure]) -> str | None:
    """Why a contradiction convicts nobody, as a clause; None if it does."""
    if any(figure.status != "stated" for figure in known.values()):
        return "not all of it is stated"
    rounded = {name: figure.rounded() for name, figure in known.items()}
    if _computed(check, rounded).outcome != Outcome.CONTRADICTS:
        names = ", ".join(name for name, figure in known.items() if figure.is_taken_as_exact)
        return f"it may fit if this was rounded, of which no precision is given: {names}"
    return littles_law.left_open(check, known) if isinstance(check, checks.LittlesLaw) else None


def _computed(check: checks.Arithmetic, known: Mapping[str, Figure]) -> Answer:
    if isinstance(check, checks.LittlesLaw):
        return littles_law.check(check, known)
    slack = check.slack.relative if check.slack else 0.0
    if isinstance(check, checks.Limit):
        return _limited(check, known, slack)
    if isinstance(check, checks.SameOrder):
        return _ordered(known, slack)
    if isinstance(check, checks.SameRatio):
        due, stated, what, unit = _ratios(check, known), known["ratio"], "the ratio", ""
    elif isinstance(check, checks.PercentOf):
        share = quotient(known["part"], known["whole"])
        due = [Interval(100 * share.low, 100 * share.high)] if share else None
        stated, what, unit = known["percent"], "the percentage", " %"
    else:
        due, stated = _differences(check, known), known["difference"]
        what, unit = "the difference", ""
    return against(due and [widened(each, slack) for each in due], stated, what, unit)


def _ratios(check: checks.SameRatio, known: Mapping[str, Figure]) -> list[Interval] | None:
    """What a ratio should be, by each meaning of its words."""
    due = quotient(known["numerator"], known["denominator"])
    if due is None:
        return None
    less_one = Interval(due.low - 1, due.high - 1)
    return [due, less_one] if check.wording == "times-more" else [due]


def _differences(check: checks.Difference, known: Mapping[str, Figure]) -> list[Interval]:
    """What a difference should be, by each meaning of its words."""
    a, b = known["minuend"], known["subtrahend"]
    meanings = [Interval(a.low - b.high, a.high - b.low)]
    if check.wording == "percentages":  # points, or per cent of either of the two
        if of_b := quotient(a, b):
            meanings.append(Interval(100 * of_b.low - 100, 100 * of_b.high - 100))
        if of_a := quotient(b, a):
            meanings.append(Interval(100 - 100 * of_a.high, 100 - 100 * of_a.low))
    return meanings


def _limited(check: checks.Limit, known: Mapping[str, Figure], slack: float) -> Answer:
    """Whether the least that a product may be exceeds the most that its limit may be."""
    product: Interval | None = Interval(1.0, 1.0)
    for name in check.factors:
        figure = known[f"factors.{name}"]
        product = product and _times(product, figure.low, figure.high)
    for name in check.divisors:
        over = quotient(_ONE, known[f"divisors.{name}"])
        product = product and over and _times(product, over.low, over.high)
    if product is None:
        return undecided("the product of such figures is not defined")
    product, limit = widened(product, slack), known["limit"]
    return Answer(
        Outcome.CONTRADICTS if product.low > limit.high else Outcome.HOLDS,
        f"the product lies between {brief(product.low, 4)} and {brief(product.high, 4)}, "
        f"and must not exceed {brief(limit.value, 4)}",
        {"low": product.low, "high": product.high, "limit": limit.value},
    )


def _times(product: Interval, low: float, high: float) -> Interval | None:
    return Interval(product.low * low, product.high * high) if low >= 0 else None


def _ordered(known: Mapping[str, Figure], slack: float) -> Answer:
    """Whether two ratios may lie on the same side of 1."""
    ratios = [quotient(known[f"{again}above"], known[f"{again}below"]) for again in ("", "again_")]
    first, second = [each and widened(each, slack) for each in ratios]
    if first is None or second is None:
        return undecided("the order of such figures is not defined")
    reversed_ = (first.low > 1 > second.high) or (first.high < 1 < second.low)
    return Answer(
        Outcome.DOUBTFUL if reversed_ else Outcome.HOLDS,
        f"the first ratio lies between {brief(first.low, 4)} and {brief(first.high, 4)}, "
        f"the second between {brief(second.low, 4)} and {brief(second.high, 4)}"
        + (": the order is reversed under other conditions" if reversed_ else ""),
        {"first": (first.low + first.high) / 2, "second": (second.low + second.high) / 2},
    )
