"""``ormlab profile``."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import click

from ormlab.cli import options
from ormlab.cli.output import Printout, prints, written_report
from ormlab.cli.page import Page
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.profilers import Looked
    from bundle.documents.profilers import Profiler


@click.command("profile")
@click.argument("subject")
@click.option("--cpu", is_flag=True, help="Functions by CPU time, by py-spy.")
@click.option("--heap", is_flag=True, help="Functions by memory at its peak, by memray.")
@click.option(
    "--instructions", is_flag=True, help="Instructions of a request, by callgrind: minutes."
)
@click.option("--syscalls", is_flag=True, help="System calls of a request, by strace.")
@click.option(
    "--operation",
    metavar="NAME[:LOADING]",
    help="Operation that is asked for.  [default: read-user]",
)
@click.option("--mix", metavar="PLAN[/WORKLOAD]", help="Workload and rows of a plan, instead.")
@click.option(
    "--for",
    "duration_s",
    type=options.Seconds(),
    default="10s",
    metavar="TIME",
    help="Length of the load under which each profiler looks.  [default: 10s]",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 10_000),
    default=16,
    metavar="N",
    help="Connections of that load.  [default: 16]",
)
@click.option("--python", metavar="VERSION", help="CPython of the subject, as in 3.12.")
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", help="Of the requests.  [default: drawn]"
)
@click.option("--report", is_flag=True, help="Write the report as well.")
@options.inventory
@options.bundles("Folder to write the bundle to.")
@prints
def command(
    *,
    subject: str,
    operation: str | None,
    mix: str | None,
    duration_s: float,
    connections: int,
    python: str | None,
    seed: int | None,
    report: bool,
    inventory: Path,
    bundles: Path,
    **asked: bool,
) -> Printout:
    """Show where a SUBJECT spends CPU time and memory; --cpu and --heap unless you choose.

    A SUBJECT is written as for `ormlab compare`. Each profiler looks at a process of its own. One
    trial is measured without any, and the bundle keeps both. The profilers of Python are installed
    beside the subject's packages, the first time that they are needed.

    \b
    Examples:
      ormlab profile sqlalchemy
      ormlab profile tortoise --cpu --operation users-with-orders:prefetch
      ormlab profile sqlalchemy@2.0.44 --instructions --syscalls
      ormlab profile ../mylib --mix headline --for 30s --report

    Ctrl-C stops the profiler and the service, and leaves nothing.
    """
    if operation and mix:
        raise click.UsageError("--operation and --mix both choose the workload: give one")
    from dataclasses import asdict

    from bundle.codec import plain
    from bundle.documents.profilers import PROFILERS
    from ormlab import profile as profiles
    from ormlab.compare import spec
    from ormlab.hosts import inventory as inventories

    chosen: tuple[Profiler, ...] = tuple(each for each in PROFILERS if asked[each])
    request = profiles.Request(
        spec=spec.parse(subject),
        profilers=chosen or ("cpu", "heap"),
        seed=secrets.randbelow(2**31) if seed is None else seed,
        operation=operation or "read-user",
        mix=mix,
        connections=connections,
        duration_s=duration_s,
        python=python,
    )
    hosts = inventories.load(inventory)
    with reporter() as progress:
        progress.stage("resolving the subject")
        with profiles.decided(request) as resolved:
            bundle = profiles.profile(resolved, hosts, bundles, progress)
    found = profiles.read(bundle)
    page = written_report(bundle) if report else None
    result = {
        "folder": str(bundle),
        "subject": found.subject,
        "profilers": plain(found.document),
        "functions": {
            name: {"weight": each.weight, "functions": [asdict(one) for one in each.functions]}
            for name, each in found.stacks.items()
        },
    } | ({"report": str(page)} if page else {})
    return Printout("ormlab-profile/1", result, lambda: profile_text(found, bundle, page))


def profile_text(found: Looked, bundle: Path, report: Path | None = None) -> str:
    """What profilers found of a subject, and where to look further."""
    from analysis.profilers import INSTRUCTIONS_ONLY
    from analysis.tables import profilers as tables
    from bundle.documents.profilers import PICTURES

    page = Page()
    page.line(f"{found.subject}: where it spends CPU time and memory")
    for said in tables.sentences(found):
        page.line(said)
    for table in tables.by_function(found):
        page.table(table)
    page.table(tables.counts(found))
    if found.document.instructions:
        page.line(INSTRUCTIONS_ONLY)
    page.table(tables.calls(found))
    for path in found.files(PICTURES[name] for name in found.stacks):
        page.line(f"flame graph: {bundle / path}")
    page.line(f"bundle: {bundle}")
    if report:
        page.line(f"report: {report}")
    return page.text()
