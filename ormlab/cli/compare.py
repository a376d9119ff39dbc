"""``ormlab compare``."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import click

from analysis import rounding
from analysis.tables import software as versions
from bundle.codec import plain
from bundle.display import quantity
from bundle.documents.results import opened
from ormlab.cli import options
from ormlab.cli.output import Printout, prints
from ormlab.cli.page import Page
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.cli.options import ListenAddress
    from ormlab.compare.course import Outcome
    from ormlab.compare.limit import Limit
    from ormlab.plan import ResolvedPlan

_MOST_MARGIN = 100


def _fraction(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%", value)
    percent = float(found[1]) if found else 0.0
    if not 0 < percent < _MOST_MARGIN:
        raise click.BadParameter(f"{value!r} is no margin: write it as in 5%")
    return percent / 100


@click.command("compare")
@click.argument("subjects", nargs=-1, required=True, metavar="A B [C ...]")
@click.option(
    "--operation",
    metavar="NAME[:LOADING]",
    help="Operation that the load asks for.  [default: read-user; of an application its first "
    "that only reads]",
)
@click.option("--mix", metavar="PLAN[/WORKLOAD]", help="Workload and rows of a plan, instead.")
@options.metric
@click.option(
    "--connections",
    type=click.IntRange(1, 10_000),
    default=64,
    metavar="N",
    help="Connections to each subject.  [default: 64]",
)
@click.option(
    "--time",
    "time_s",
    type=options.Seconds(),
    default="3m",
    metavar="TIME",
    help="How long to measure, as in 90s or 10m; setting up comes on top.  [default: 3m]",
)
@click.option(
    "--blocks",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Deployments of every subject.  [default: as the time allows, 20 at most]",
)
@click.option(
    "--margin",
    callback=_fraction,
    metavar="P%",
    help="Smallest difference worth having, as in 5%.  [default: the metric's under `vm`]",
)
@click.option("--python", metavar="VERSION", help="CPython of all subjects, as in 3.12.")
@click.option(
    "--design",
    type=options.Choice(["switchback", "trials"]),
    default="switchback",
    help="Switch between services that are all alive, or measure one after another.  "
    "[default: switchback]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="Of the order and the requests.  [default: drawn]",
)
@options.fail_if
@options.inventory
@options.bundles("Folder to write the bundle to.")
@click.option(
    "--dry-run", is_flag=True, help="Lock and print what would be measured, and stop there."
)
@options.metrics
@prints
def command(
    *,
    subjects: tuple[str, ...],
    operation: str | None,
    mix: str | None,
    metric: str,
    connections: int,
    time_s: float,
    blocks: int | None,
    margin: float | None,
    python: str | None,
    design: str,
    seed: int | None,
    fail_if: str | None,
    inventory: Path,
    bundles: Path,
    dry_run: bool,
    metrics: ListenAddress | None,
) -> Printout:
    """Compare A with B, and with every further subject: which is faster, and by how much.

    A subject is NAME, NAME@VERSION or NAME+PATH (a local checkout or wheel), each with
    {KEY=VALUE,...} for settings of a plan's subject. NAME is a service of the lab, which `ormlab
    subject list` lists, or the path of your own service's folder, with a / in it.

    The command locks what it needs, measures A twice (the null control), prints the interval after
    every block, seals a bundle and ends with the verdict.

    \b
    Examples:
      ormlab compare sqlalchemy tortoise
      ormlab compare sqlalchemy@2.0.21 sqlalchemy@2.0.44 --python 3.12
      ormlab compare tortoise 'tortoise{pool.size=5}' --metric cpu_service
      ormlab compare sqlalchemy sqlalchemy+../sqlalchemy --fail-if slower:5%

    Ctrl-C seals what was measured as aborted and exits with 130.
    """
    if len(subjects) < 2:  # noqa: PLR2004 - a comparison has two sides
        raise click.UsageError("a comparison has two subjects or more: name another one")
    if operation and mix:
        raise click.UsageError("--operation and --mix both choose the workload: give one")
    from ormlab.compare import course, spec
    from ormlab.compare.limit import Limit
    from ormlab.compare.plan import Request
    from ormlab.hosts import inventory as inventories

    limit = Limit.parse(fail_if) if fail_if is not None else None
    request = Request(
        specs=tuple(spec.parse(text) for text in subjects),
        seed=secrets.randbelow(2**31) if seed is None else seed,
        design=design,  # type: ignore[arg-type]
        operation=operation,
        mix=mix,
        connections=connections,
        time_s=time_s,
        metric=metric,  # type: ignore[arg-type]
        margin=margin,
        blocks=blocks,
        python=python,
    )
    hosts = inventories.load(inventory)
    with reporter(metrics) as progress:
        progress.stage("resolving the subjects")
        with course.decided(request) as resolved:
            if dry_run:
                return _proposal(resolved)
            progress.note(_proposed(resolved))
            outcome = course.compare(resolved, metric, hosts, bundles, progress)
    return compared(outcome, limit)


def compared(outcome: Outcome, limit: Limit | None) -> Printout:
    """What a comparison prints: one sentence for each candidate, and where the bundle lies.

    Args:
        outcome: of the run.
        limit: of ``--fail-if``; None without it.
    """
    from ormlab.compare.limit import exit_code
    from ormlab.compare.words import sentence

    held = [limit.judge(each) for each in outcome.comparisons] if limit else []

    def text() -> str:
        page, results = Page(), outcome.results
        for number, found in enumerate(outcome.comparisons):
            page.line(opened(sentence(found), None if number else results.foreign_load))
        if limit:
            share = rounding.amount(100 * limit.share, "%")
            for outcome_of in held:
                page.line(f"limit {outcome_of}: slower by {share} or more")
        if results.weaknesses:
            page.line(f"weaknesses: {'; '.join(results.weaknesses)}")
        page.table(versions.software(results))
        page.line(f"bundle: {outcome.bundle}")
        return page.text()

    return Printout(
        schema="ormlab-compare/1",
        result={
            "folder": str(outcome.bundle),
            "comparisons": [plain(each) for each in outcome.comparisons],
            "weaknesses": outcome.results.weaknesses,
            "software": plain(outcome.results)["software"],
            "limit": {"slower": limit.share, "outcomes": [str(each) for each in held]}
            if limit
            else None,
        },
        text=text,
        failures=[outcome.missing] if outcome.missing else [],
        code=exit_code(held),
    )


def _proposed(resolved: ResolvedPlan) -> str:
    from ormlab.plan import duration

    minutes = duration(resolved).expected_s / 60
    blocks, each_s = resolved.plan.blocks, next(iter(resolved.plan.loads.values())).duration_s
    return (
        f"{resolved.plan.title}: {quantity(blocks, 'block')}, {each_s:g} s a subject and block, "
        f"about {minutes:.1f} min after the set-up (plan {resolved.sha256[:8]})"
    )


def _proposal(resolved: ResolvedPlan) -> Printout:
    plan = resolved.plan
    stacks = {name: resolved.stacks[each.stack] for name, each in plan.subjects.items()}
    packages = {name: stack.packages() for name, stack in stacks.items()}

    # Made at once: the locks are gone when the caller prints.
    lines = [
        f"  {name}: {plan.subjects[name].service} on {stack.name}, CPython {stack.python}: "
        + ", ".join(f"{package} {version}" for package, version in packages[name].items())
        for name, stack in stacks.items()
    ]
    text = "\n".join([_proposed(resolved), *lines, *(f"  {note}" for note in plan.assumptions)])
    found = {
        name: {
            "service": plan.subjects[name].service,
            "stack": stack.name,
            "python": stack.python,
            "packages": packages[name],
        }
        for name, stack in stacks.items()
    }
    result = {
        "blocks": plan.blocks,
        "sha256": resolved.sha256,
        "subjects": found,
        "assumptions": plan.assumptions,
        "trials": len(resolved.trials),
    }
    return Printout("ormlab-compare-proposal/1", result, lambda: text)
