"""``ormlab subject``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from analysis import rounding
from analysis.tables import Row, Table, columns, schema
from bundle.codec import plain
from bundle.display import quantity
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.groups import Group
from ormlab.cli.output import Printout, prints
from ormlab.cli.page import Page
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ormlab.subject.trying import Examined
    from workloads.services.manifest import Service

_MOST_CASES = 5  # of the contract, that are shown


@click.group("subject", cls=Group)
def group() -> None:
    """Bring your own ORM, driver or application: a folder that a plan names by its path.

    \b
    Examples:
      ormlab subject new ../mylib --package mylib  # it works already
      ormlab subject lock ../mylib                 # pin what its stack.in names
      ormlab subject check ../mylib                # contract, SQL, a short load
      ormlab compare sqlalchemy ../mylib
    """


@group.command("list")
@prints
def listing() -> Printout:
    """List the services that the lab has, with the stacks that they run on.

    \b
    Example:
      ormlab subject list
    """
    from workloads.services import manifest

    found = tuple(manifest.shipped().values())
    result = {"services": [_told(each) for each in found]}
    return Printout("ormlab-subject-list/1", result, lambda: _listed(found))


@group.command("new")
@click.argument("folder", type=options.PATH)
@click.option("--package", metavar="NAME", help="Package that the service is about.")
@click.option(
    "--like", metavar="NAME", help="Service of the lab to copy.  [default: a bare driver]"
)
@prints
def new(folder: Path, package: str | None, like: str | None) -> Printout:
    """Make a FOLDER with a service that keeps the contract before you change it.

    Its name becomes that of the service, and of a Python package.

    \b
    Examples:
      ormlab subject new ../mylib --package mylib
      ormlab subject new ../mine --like sqlalchemy
    """
    from ormlab.subject import scaffold

    made = scaffold.create(folder, package=package, like=like)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    result = {"folder": str(folder), "service": _told(made), "files": files}
    return Printout("ormlab-subject-new/1", result, lambda: _made(folder, files, made))


@group.command("lock")
@click.argument("folder", type=options.FOLDER)
@prints
def lock(folder: Path) -> Printout:
    """Pin what the stack.in of a FOLDER asks for, with hashes, into its stack.txt.

    Packages of the stack below it keep their versions as far as the requests allow. No other lock
    changes.

    \b
    Example:
      ormlab subject lock ../mylib
    """
    from ormlab.subject import locking

    service = _service(folder)
    pins = locking.lock(service)
    result = {"lock": str(service.folder / "stack.txt"), "packages": pins}
    return Printout("ormlab-subject-lock/1", result, lambda: _locked(service, pins))


@group.command("check")
@click.argument("folder", type=options.FOLDER)
@click.option(
    "--time",
    "seconds",
    type=options.Seconds(),
    default="10s",
    metavar="TIME",
    help="Length of the load in all.  [default: 10s]",
)
@click.option(
    "--migrations",
    "tool",
    metavar="TOOL",
    help="Also let TOOL make the schema, and compare it with the lab's.",
)
@options.inventory
@options.bundles("Folder to write the bundle to.")
@prints
def check(
    folder: Path, seconds: float, tool: str | None, inventory: Path, bundles: Path
) -> Printout:
    """Try a FOLDER: the contract, the SQL of every operation, and a short load.

    All of it runs against a PostgreSQL of its own, and leaves a bundle. The exit code is 3 if the
    service breaks the contract, costs the database something else than it declares, or if TOOL
    makes another schema. An application has no contract: it must answer as it declares, and write
    the tables that it names.

    \b
    Examples:
      ormlab subject check ../mylib
      ormlab subject check sqlalchemy --migrations alembic
      ormlab subject check ../mylib --time 1m --json | jq .undeclared
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.run.stages import run
    from ormlab.subject import trying

    service = _service(folder)
    hosts = inventories.load(inventory)
    with reporter() as progress:
        bundle = run(trying.plan_of(service, seconds, tool), hosts, bundles, progress)
    tried = trying.read(bundle, service)
    result = {
        "ok": tried.ok,
        "bundle": str(bundle),
        "service": service.name,
        "schema_made": plain(tried.schema) if tried.schema else None,
        "cases": tried.cases,
        "broken": [plain(each) for each in tried.broken],
        "operations": {name: plain(cost) for name, cost in tried.costs.items()},
        "left_out": list(tried.left_out),
        "cannot": service.manifest.cannot,
        "undeclared": list(tried.undeclared),
        "throughput": dict(tried.throughput),
        "failures": list(tried.failures),
        "why": tried.why,
    }
    code = Exit.OK if tried.ok else Exit.VERIFICATION_FAILED
    return Printout("ormlab-subject-check/1", result, lambda: _tried(service, tried), code=code)


def _service(folder: Path) -> Service:
    from ormlab.plan import services
    from workloads.services import manifest

    own = manifest.shipped().get(str(folder))
    return own or services.outside(folder, where=str(folder))


def _told(service: Service) -> dict[str, object]:
    manifest = service.manifest
    return {
        "name": service.name,
        "title": manifest.title,
        "kind": manifest.kind,
        "package": manifest.package,
        "stack": service.stack,
        "databases": manifest.databases,
        "cannot": manifest.cannot,
        "facts": manifest.facts,
    }


def _listed(found: Sequence[Service]) -> str:
    page = Page()
    page.line(f"{quantity(len(found), 'service')}; a folder's path, with a / in it, names another.")
    heads = columns("Service", "What it is", "Package", "Drivers", "Stack")
    rows = (
        (
            each.name,
            each.manifest.title,
            each.manifest.package,
            ", ".join(each.drivers()),
            each.stack,
        )
        for each in found
    )
    page.table(Table("Services", heads, tuple(map(Row, rows))))
    return page.text()


def _made(folder: Path, files: Sequence[str], made: Service) -> str:
    page, place = Page(), shlex.quote(str(folder))
    page.line(f"{folder}: {', '.join(files)}")
    page.line("It keeps the contract as it is: change repository.py, and say so in service.toml.")
    if made.has_own_stack:
        page.line(f"next:   ormlab subject lock {place}")
    page.line(f"{'then: ' if made.has_own_stack else 'next: '}  ormlab subject check {place}")
    return page.text()


def _locked(service: Service, pins: Mapping[str, str]) -> str:
    page = Page()
    what = quantity(len(pins), "package")
    page.line(f"{service.folder / 'stack.txt'}: {what} beside {service.manifest.stack}")
    for name, version in pins.items():
        page.line(f"  {name} {version}")
    return page.text()


def _costs(tried: Examined) -> Table:
    """What each operation costs the database."""
    heads = ("Operation", "Statements a request", "Round trips a request")
    rows = (
        (
            name,
            rounding.count(cost.statements_per_request),
            rounding.count(cost.round_trips_per_request),
        )
        for name, cost in tried.costs.items()
    )
    return Table("SQL", columns(*heads, numbers=heads[1:]), tuple(map(Row, rows)))


def _contract(page: Page, service: Service, tried: Examined) -> None:
    """The cases of the contract that it keeps, breaks and leaves out."""
    if tried.cases:
        kept = tried.cases - len(tried.broken)
        page.line(f"contract: {kept} of {quantity(tried.cases, 'case')} as it says")
    for each in tried.broken[:_MOST_CASES]:
        page.line(f"  {each.case}: expected {each.expected}, got {each.got}")
    if len(tried.broken) > _MOST_CASES:
        page.line(f"  and {len(tried.broken) - _MOST_CASES} more")
    if tried.left_out:
        shown = ", ".join(tried.left_out[:_MOST_CASES])
        more = len(tried.left_out) - _MOST_CASES
        page.line(
            f"left out: {quantity(len(tried.left_out), 'case')}, neither kept nor broken: {shown}"
            + (f" and {more} more" if more > 0 else "")
        )
    for name, reason in service.manifest.cannot.items():
        page.line(f"  it declares that it cannot do {name}: {reason}")


def _tried(service: Service, tried: Examined) -> str:
    page = Page()
    if tried.why:
        page.line(f"{service.name} cannot be measured: {tried.why}")
    if tried.schema:
        page.line(schema.sentence(tried.schema))
        page.table(schema.differences(tried.schema))
    _contract(page, service, tried)
    page.table(_costs(tried))
    for said in tried.undeclared:
        declared = "application" if service.is_application else "statements"
        page.line(f"not as declared in {declared}.toml: {said}")
    for workload, rate in tried.throughput.items():
        if rate is not None:
            page.line(f"{workload}: {rounding.amount(rate, 'req/s')}, an estimate of one block")
    for said in tried.failures:
        page.line(f"no figure of {said}")
    page.line()
    page.line(f"bundle: {tried.bundle}")
    return page.text()
