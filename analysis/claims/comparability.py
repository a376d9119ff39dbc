"""Whether a run was made under the conditions under which a number was published."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING

from analysis.claims.conditions import accepted, concerns, reading_of, same
from analysis.claims.measure import places_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.claims.conditions import Value
    from analysis.claims.evidence import Run
    from analysis.claims.ledger import Condition, Ledger, Testable

_LONGEST = 60  # characters of a value in a clause


def differences(claim: Testable, ledger: Ledger, run: Run) -> list[str]:
    """Every material condition that differs and is not accepted, one clause each.

    What the source leaves unknown cannot differ. What a bundle does not record is not taken for
    granted: it counts as a difference.
    """
    clauses = []
    for name, condition, value, seen in _compared(claim, ledger, run):
        if not condition.material:
            continue
        if seen is None:
            clauses.append(f"{name} is not recorded, and {value} was published")
        elif not same(value, seen, condition.precision) and not accepted(condition.accepts, seen):
            clauses.append(f"{name} is {seen}, not {value}")
    return _once(clauses)


def weak_conditions(claim: Testable, ledger: Ledger, run: Run) -> list[str]:
    """Conditions that no verdict rests on, one clause each.

    They are differences that are accepted or not material, what the bundle does not record and is
    not material, what has no reading, and what is not published.
    """
    clauses = []
    for name, condition, value, seen in _compared(claim, ledger, run):
        if seen is None and not condition.material:
            clauses.append(f"{name} is not recorded, and {value} was published")
        elif (
            seen is not None
            and not same(value, seen, condition.precision)
            and (accepted(condition.accepts, seen) or not condition.material)
        ):
            clauses.append(f"{name} is {seen}, not {value}")
    conditions = ledger.conditions_of(claim)
    unread = [
        f"{name} ({shorten(str(each.value), _LONGEST, placeholder=' ...')})"
        for name, each in conditions.items()
        if each.value is not None
        and each.reading is None
        and each.subject in {None, *claim.subjects}
    ]
    if unread:
        clauses.append(f"not compared, for want of a reading: {', '.join(unread)}")
    open_ones = [name for name, each in conditions.items() if each.status == "unknown"]
    if open_ones:
        clauses.append(f"not published: {', '.join(open_ones)}")
    return _once(clauses)


def _compared(
    claim: Testable, ledger: Ledger, run: Run
) -> Iterator[tuple[str, Condition, Value, Value | None]]:
    """Each condition with a value that binds the claim: name, itself, published and seen."""
    places = places_of(claim)
    for name, condition in ledger.conditions_of(claim).items():
        if condition.value is None or condition.reading is None:
            continue
        reading = reading_of(condition.reading)
        if reading is None or not concerns(reading.scope, claim.portability):
            continue
        for subject, place in places.items():
            if condition.subject in {None, subject}:
                yield name, condition, condition.value, reading.of(run, place)


def _once(clauses: list[str]) -> list[str]:
    return list(dict.fromkeys(clauses))
