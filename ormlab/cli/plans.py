"""``ormlab plans``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from analysis.tables import Row, Table, columns
from bundle.display import quantity
from ormlab.cli.output import Printout, prints
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ormlab.plan import ShippedPlan


@click.command("plans")
@prints
def command() -> Printout:
    """List the plans that the lab ships: what each measures, how long, and what it needs.

    Minutes are those of measuring; setting up comes on top. A plan of your own is a file:
    docs/plans.md describes it.

    \b
    Examples:
      ormlab plans
      ormlab plans --json | jq -r '.plans[] | select(.expected_s < 900) | .name'
    """
    from ormlab.plan import overview

    found = overview()
    result = {"plans": [asdict(each) for each in found]}
    return Printout("ormlab-plans/1", result, lambda: plans_text(found))


def plans_text(plans: Sequence[ShippedPlan]) -> str:
    """A table of the plans, and what to do next."""
    page = Page()
    page.line(
        f"{quantity(len(plans), 'plan')}; `ormlab plan NAME` shows one, `ormlab run NAME` runs it."
    )
    named = columns("Plan", "What it measures", "Minutes", "Needs", numbers=("Minutes",))
    page.table(Table("Plans", named, tuple(map(_row, plans))))
    return page.text()


def _row(plan: ShippedPlan) -> Row:
    minutes = f"{max(1, round(plan.expected_s / 60)):,}"
    needs = [*plan.programs, f"CPython {', '.join(plan.pythons)}"]
    at_most = "at most " if plan.at_most else ""
    return Row((plan.name, plan.title, f"{at_most}{minutes}", ", ".join(needs)))
