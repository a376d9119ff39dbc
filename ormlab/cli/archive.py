"""``ormlab archive``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.tables import Row, Table, columns
from bundle.display import quantity, visible
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.groups import Group
from ormlab.cli.output import Printout, prints
from ormlab.cli.page import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ormlab.archive.entries import ArchivedBundle
    from ormlab.archive.keep import Added

_OUTCOMES = {
    "added": "added",
    "completed": "was here without its line in the index, which is written now",
    "present": "was here already: nothing to do",
}


@click.group("archive", cls=Group)
def group() -> None:
    """Keep bundles for years: pack, add, check, push, pull and sign them."""


@group.command("pack")
@options.bundle
@click.argument("out", type=options.PATH)
@prints
def pack(bundle: Path, out: Path) -> Printout:
    """Pack a BUNDLE into OUT (.tar.zst): the same bundle packs to the same bytes.

    \b
    Example:
      ormlab archive pack bundles/20261123T031500Z-1a2b3c4d demo.tar.zst
    """
    from bundle.pack import pack as make

    digest = make(bundle, out)
    result = {"archive": str(out), "sha256": digest}
    return Printout("ormlab-pack/1", result, lambda: f"{digest}  {out}")


@group.command("unpack")
@click.argument("archive", type=options.PATH)
@click.argument("parent", type=options.FOLDER)
@prints
def unpack(archive: Path, parent: Path) -> Printout:
    """Unpack an ARCHIVE below PARENT; keeps nothing that fails verification at L1.

    \b
    Example:
      ormlab archive unpack demo.tar.zst received/
    """
    from bundle.unpack import unpack as make

    bundle = make(archive, parent)
    return Printout("ormlab-unpack/1", {"bundle": str(bundle)}, lambda: str(bundle))


@group.command("add")
@options.bundle
@options.archive
@prints
def add(bundle: Path, folder: Path) -> Printout:
    """Verify a BUNDLE and copy it into the archive, with a line in its index.

    Adding it again does nothing and says so.

    \b
    Example:
      ormlab archive add bundles/20261123T031500Z-1a2b3c4d
    """
    from ormlab.archive.keep import add as keep

    kept = keep(bundle, folder)
    text = f"{kept.line.id} {_OUTCOMES[kept.outcome]} ({kept.path})"
    return Printout("ormlab-archive-add/1", _kept(kept), lambda: text)


@group.command("list")
@options.archive
@prints
def show_all(folder: Path) -> Printout:
    """List the bundles of the archive in the order they were added; verifies the index only.

    \b
    Example:
      ormlab archive list
    """
    from ormlab.archive.entries import Archive

    entries = Archive.open(folder).entries()
    here = sum(entry.path is not None for entry in entries)

    def text() -> str:
        page = Page()
        page.line(f"{folder} holds {here} of the {quantity(len(entries), 'bundle')} of its index.")
        page.table(_entries(entries))
        return page.text()

    result = {"archive": str(folder), "entries": [_entry(entry) for entry in entries]}
    return Printout("ormlab-archive-list/1", result, text)


@group.command("show")
@click.argument("prefix", metavar="ID")
@options.archive
@prints
def show(prefix: str, folder: Path) -> Printout:
    """Show what the record says of the bundle with this ID; `verify` checks it.

    ID is the beginning of the bundle's id.

    \b
    Example:
      ormlab archive show 20261123
    """
    from ormlab.archive.entries import Archive, find

    entries = Archive.open(folder).entries()
    line = find(tuple(entry.line for entry in entries), prefix, where=str(folder))
    result = _entry(next(entry for entry in entries if entry.line == line))

    def text() -> str:
        shown = {key: "-" if value is None else str(value) for key, value in result.items()}
        return "\n".join(f"{key:<11}  {visible(value)}" for key, value in shown.items())

    return Printout("ormlab-archive-show/1", result, text)


@group.command("verify")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@options.archive
@click.option(
    "--against",
    "copy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A copy of index.jsonl that was kept elsewhere; the index must continue it.",
)
@prints
def verify(ids: tuple[str, ...], folder: Path, copy: Path | None) -> Printout:
    """Check the chain of the index, and every bundle or those named; exits 3 on a problem.

    ID is the beginning of a bundle's id.

    \b
    Examples:
      ormlab archive verify
      ormlab archive verify 20261123 --against index-of-last-year.jsonl
    """
    from ormlab.archive.check import check

    outcome = check(folder, ids, copy=copy)
    findings = outcome.findings

    def text() -> str:
        head = (
            f"{folder} is {'broken' if findings else 'whole'}: "
            f"{quantity(outcome.bundles, 'bundle')} verified at L1, "
            f"{quantity(outcome.lines, 'line')} in the index, "
            f"{quantity(len(findings), 'problem')}."
        )
        return "\n".join([head, *(f"  {f.code}: {f.where}: {f.what}" for f in findings)])

    return Printout(
        schema="ormlab-archive-verify/1",
        result={"archive": str(folder), "lines": outcome.lines, "bundles": outcome.bundles},
        text=text,
        problems=[
            {"code": each.code, "where": each.where, "what": each.what, "hint": each.hint}
            for each in findings
        ],
        code=Exit.VERIFICATION_FAILED if findings else Exit.OK,
    )


@group.command("push")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--to", "url", required=True, metavar="URL", help="The store.")
@options.archive
@prints
def push(ids: tuple[str, ...], url: str, folder: Path) -> Printout:
    """Store the bundles of the archive, or those named, in an object store.

    ID is the beginning of a bundle's id.

    URL is s3://bucket/prefix, gs://, az://, file:///folder or a folder. Credentials come from the
    environment (AWS_ACCESS_KEY_ID and so on). The command packs each bundle,
    stores it under its digest if it is not there, and reads it back. It replaces and deletes
    nothing in the store.

    \b
    Examples:
      ormlab archive push --to s3://benchmarks/orm
      ormlab archive push 20261123 --to /mnt/backup
    """
    from ormlab.archive.exchange import push as exchange
    from ormlab.archive.store import Store

    pushed = exchange(folder, Store.open(url, make=True), ids)
    rows = [(each.stored.id, each.stored.archive, each.outcome) for each in pushed]

    def text() -> str:
        new = sum(outcome == "stored" for _, _, outcome in rows)
        head = f"{quantity(new, 'bundle')} stored in {url}, {len(rows) - new} already there."
        return "\n".join([head, *(f"  {'  '.join(row)}" for row in rows)])

    bundles = [dict(zip(("id", "sha256", "outcome"), row, strict=True)) for row in rows]
    return Printout("ormlab-archive-push/1", {"store": url, "bundles": bundles}, text)


@group.command("pull")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--from", "url", required=True, metavar="URL", help="The store.")
@options.archive
@click.option("--all", "everything", is_flag=True, help="Every bundle of the store's index.")
@prints
def pull(ids: tuple[str, ...], url: str, folder: Path, *, everything: bool) -> Printout:
    """Fetch bundles from an object store into the archive.

    ID is the beginning of a bundle's id.

    The command verifies the digest before it unpacks a bundle, and the bundle before it adds it.
    A single bundle gets a line in the archive's own index. With --all, the archive
    takes over the store's index.

    \b
    Examples:
      ormlab archive pull 20261123 --from s3://benchmarks/orm --archive received
      ormlab archive pull --all --from /mnt/backup
    """
    if bool(ids) == everything:
        raise click.UsageError("name at least one ID, or say --all")
    from ormlab.archive.exchange import pull as exchange
    from ormlab.archive.store import Store

    kept = exchange(Store.open(url), folder, ids)

    def text() -> str:
        outcomes = _OUTCOMES | {"added": "fetched"}
        return "\n".join(f"{each.line.id} {outcomes[each.outcome]} ({each.path})" for each in kept)

    result = {"store": url, "bundles": [_kept(each) for each in kept]}
    return Printout("ormlab-archive-pull/1", result, text)


@group.command("sign")
@options.bundle
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="SSH private key, or the public one of a key that an ssh-agent holds.",
)
@prints
def sign(bundle: Path, key: Path) -> Printout:
    """Sign the seal of a BUNDLE with an SSH key: writes SEAL.json.sig beside it.

    \b
    Example:
      ormlab archive sign bundles/20261123* --key ~/.ssh/id_ed25519
    """
    from ormlab.archive.sign import sign as make

    signature = str(make(bundle, key))
    return Printout("ormlab-archive-sign/1", {"signature": signature}, lambda: signature)


@group.command("export")
@options.bundle
@click.option(
    "--as",
    "form",
    type=options.Choice(["ro-crate", "bagit", "openmetrics", "in-toto"]),
    required=True,
    help="Form to write.",
)
@click.option(
    "-o",
    "--out",
    type=options.PATH,
    required=True,
    help="Folder (ro-crate, bagit) or file (openmetrics, in-toto) to make.",
)
@prints
def export(bundle: Path, form: str, out: Path) -> Printout:
    """Write a BUNDLE in a form that other tools read: the same bundle gives the same bytes.

    \b
      ro-crate     a folder: the bundle as a Process Run Crate (RO-Crate 1.1)
      bagit        a folder: the bundle as the payload of a bag (RFC 8493)
      openmetrics  a file: one sample for each trial and metric, for Prometheus
      in-toto      a file: a test-result statement over the seal, to be signed

    \b
    Examples:
      ormlab archive export bundles/20261123* --as ro-crate -o crate/
      ormlab archive export bundles/20261123* --as openmetrics -o run.om
    """
    from ormlab.archive.exports import Form
    from ormlab.archive.exports import export as write

    write(bundle, Form(form), out)
    return Printout("ormlab-archive-export/1", {"form": form, "out": str(out)}, lambda: str(out))


def _kept(kept: Added) -> dict[str, object]:
    line = kept.line
    return {"id": line.id, "seal": line.seal, "folder": str(kept.path), "outcome": kept.outcome}


def _entries(entries: Sequence[ArchivedBundle]) -> Table:
    named = columns("Line", "Bundle", "Seal", "Status", "Trials", "Plan", numbers=("Line",))
    return Table("Bundles", named, tuple(map(_row, entries)))


def _row(entry: ArchivedBundle) -> Row:
    contents = ("not here", "", "")
    if record := entry.record:
        ends = f"{record.trials.completed} of {record.trials.planned}"
        contents = (record.status, ends, record.plan.name)
    return Row((str(entry.number), entry.line.id, entry.line.seal[:12], *contents))


def _entry(entry: ArchivedBundle) -> dict[str, object]:
    result: dict[str, object] = {"id": entry.line.id, "seal": entry.line.seal, "line": entry.number}
    result["folder"] = str(entry.path) if entry.path else None
    if record := entry.record:
        result |= {
            "created": record.created.isoformat(),
            "status": record.status,
            "plan": record.plan.name,
            "plan_sha256": record.plan.sha256,
            "host": record.host,
            "planned": record.trials.planned,
            "completed": record.trials.completed,
            "failed": record.trials.failed,
            "skipped": record.trials.skipped,
        }
    return result
