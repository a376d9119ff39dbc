"""``ormlab plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analysis.rounding import amount, given, percent
from bundle.codec import plain
from bundle.display import quantity
from ormlab.cli import options, streams
from ormlab.cli.output import Printout, prints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ormlab.judging.pilot import Forecast
    from ormlab.plan import Duration, Overrides, Plan, ResolvedPlan


@click.command("plan")
@options.plan
@click.option(
    "--pilot",
    type=options.PATH,
    help="A sealed bundle of a similar run, to estimate spread, warm-up and duration.",
)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the resolved plan as it is hashed.")
@options.overrides
@prints
def command(
    plan: str, overrides: Overrides, *, pilot: Path | None, as_yaml: bool
) -> Printout | None:
    """Show what a PLAN would do and for how long, without touching any host.

    With --pilot it also shows the smallest effect that the plan's blocks can detect, the blocks
    that its margins need, and the warm-up that the pilot's trials suggest.

    \b
    Examples:
      ormlab plan demo
      ormlab plan demo --blocks 20 --duration 5s
      ormlab plan demo --yaml
      ormlab plan demo --pilot bundles/20261123T031500Z-1a2b3c4d
    """
    from ormlab import plan as plans

    resolved = plans.resolve(overrides.apply(plans.load(plan)))
    if as_yaml:
        streams.document(resolved.document)
        return None
    forecast = None
    if pilot:
        from ormlab.judging import pilot as pilots

        forecast = pilots.forecast(resolved, pilot)
    guessed = plans.duration(resolved)
    result = {
        "name": resolved.plan.name,
        "sha256": resolved.sha256,
        "overridden": [each.model_dump() for each in resolved.plan.overridden],
        "trials": [trial.id for trial in resolved.trials],
        "measured_s": guessed.measured_s,
        "expected_s": forecast.expected_s if forecast else guessed.expected_s,
        "at_most": guessed.at_most and forecast is None,
        "pilot": plain(forecast) if forecast else None,
    }

    def text() -> str:
        lines = [_headline(resolved, guessed, forecast), *_plan_lines(resolved.plan)]
        return "\n".join([*lines, *(_forecast_lines(forecast) if forecast else ())])

    return Printout("ormlab-plan/1", result, text)


def _headline(resolved: ResolvedPlan, guessed: Duration, forecast: Forecast | None) -> str:
    plan = resolved.plan
    headline = f"{plan.heading}: {quantity(len(resolved.trials), 'trial')} in "
    headline += f"{quantity(plan.blocks, 'block')}, "
    if forecast:
        headline += f"about {forecast.expected_s / 60:.0f} min by the pilot {forecast.bundle}"
    elif guessed.at_most:
        headline += f"at most about {guessed.expected_s / 60:.0f} min, for the duration of a load "
        headline += "that counts requests or searches is only its limit"
    else:
        headline += f"{guessed.measured_s:.0f} s measured, about {guessed.expected_s / 60:.0f} min"
    return f"{headline} (plan {resolved.sha256[:8]})."


def _plan_lines(plan: Plan) -> Iterator[str]:
    for override in plan.overridden:
        yield f"  override  {override}"
    for name, subject in plan.subjects.items():
        told = f", pool {subject.pool.size}+{subject.pool.overflow}"
        if plan.application:
            told = "".join(f", {key} {value}" for key, value in subject.options.items())
        yield f"  subject   {name}: {subject.service} on {subject.stack}{told}"
    for name, workload in plan.workloads.items():
        mix = ", ".join(f"{one.operation} x{given(one.weight)}" for one in workload.operations)
        yield f"  workload  {name}: {mix}"
    for name, load in plan.loads.items():
        yield f"  load      {name}: {load.generator}, {given(load.duration_s)} s"
    for assumption in plan.assumptions:
        yield f"  assumed   {assumption}"
    for each in plan.comparisons:
        if each.baseline != plan.null_arm:
            why = f"an estimate, no verdict, for {each.baseline} has no null arm"
            yield f"  estimate  {each.candidate} / {each.baseline}: {why}"


def _forecast_lines(forecast: Forecast) -> Iterator[str]:
    for each in forecast.effects:
        finds = (
            percent(each.detectable, 1) if each.detectable is not None else "nothing (one block)"
        )
        needed = (
            f"needs {quantity(each.needed, 'block')}"
            if each.needed
            else "is below what blocks can find"
        )
        yield (
            f"  effect    {each.candidate} / {each.baseline}, {each.metric}, {each.workload} under "
            f"{each.load}: finds {finds}; its margin of {amount(100 * each.margin, '%')} {needed}"
        )
    for comparison in forecast.unknown:
        yield f"  effect    {comparison}: the pilot has no spread of it"
    for rate in forecast.rates:
        said = "the pilot has searched no capacity; see the plan capacity"
        if rate.capacity:
            share = rate.planned / rate.capacity
            said = (
                f"{percent(share)} of the {rate.capacity:,.0f} req/s that {rate.subject} can take"
            )
        where = f"{rate.workload} under {rate.load}"
        yield f"  rate      {where}: planned {rate.planned:,.0f} req/s, {said}"
    for variance in forecast.variances:
        words = {"block": "between blocks", "trial": "between trials", "window": "inside a trial"}
        shares = ", ".join(
            f"{percent(variance.shares[level])} {said}" for level, said in words.items()
        )
        where = f"{variance.subject}, {variance.workload} under {variance.load}"
        yield f"  variance  {where}: {shares}"
    for warmup in forecast.warmups:
        said = "the pilot cannot say (no raw samples, or too short)"
        if warmup.needed is not None:
            enough = "enough" if warmup.needed <= warmup.planned else "too short"
            said = f"{warmup.needed:.2f} s by MSER-5 ({warmup.slowest}): {enough}"
        where = f"{warmup.workload} under {warmup.load}"
        yield f"  warm-up   {where}: planned {given(warmup.planned)} s, {said}"
