"""``ormlab archive``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bundle.display import visible
from bundle.pack import pack as packed
from bundle.unpack import unpack as unpacked
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.output import bundle_errors, document

if TYPE_CHECKING:
    from ormlab.archive.entries import Entry
    from ormlab.archive.keep import Kept

_OUTCOMES = {
    "added": "added",
    "completed": "was here without its line in the index, which is written now",
    "present": "was here already: nothing to do",
}


@click.group("archive")
def group() -> None:
    """Keep bundles for years: pack, add, check, push, pull and sign them."""


@group.command("pack")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@options.as_json
def pack(bundle: Path, out: Path, *, as_json: bool) -> None:
    """Pack a BUNDLE into OUT (.tar.zst): the same bundle packs to the same bytes.

    \b
    Example:
      ormlab archive pack bundles/20261123T031500Z-1a2b3c4d demo.tar.zst
    """
    with bundle_errors():
        digest = packed(bundle, out)
    if as_json:
        document("ormlab-pack/1", {"archive": str(out), "sha256": digest})
    else:
        click.echo(f"{digest}  {out}")


@group.command("unpack")
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("parent", type=click.Path(path_type=Path, file_okay=False))
@options.as_json
def unpack(archive: Path, parent: Path, *, as_json: bool) -> None:
    """Unpack an ARCHIVE below PARENT; keeps nothing that fails verification at L1.

    \b
    Example:
      ormlab archive unpack demo.tar.zst received/
    """
    with bundle_errors():
        parent.mkdir(parents=True, exist_ok=True)
        bundle = unpacked(archive, parent)
    if as_json:
        document("ormlab-unpack/1", {"bundle": str(bundle)})
    else:
        click.echo(str(bundle))


@group.command("add")
@click.argument("bundle", type=click.Path(path_type=Path))
@options.archive
@options.as_json
def add(bundle: Path, folder: Path, *, as_json: bool) -> None:
    """Verify a BUNDLE and copy it into the archive, with a line in its index.

    Adding it again does nothing and says so.

    \b
    Example:
      ormlab archive add bundles/20261123T031500Z-1a2b3c4d
    """
    from ormlab.archive.keep import add as keep

    with bundle_errors():
        kept = keep(bundle, folder)
    if as_json:
        document("ormlab-archive-add/1", _kept(kept))
    else:
        click.echo(f"{kept.line.id} {_OUTCOMES[kept.outcome]} ({kept.path})")


@group.command("list")
@options.archive
@options.as_json
def show_all(folder: Path, *, as_json: bool) -> None:
    """List the bundles of the archive in the order they were added; verifies the index only.

    \b
    Example:
      ormlab archive list
    """
    from ormlab.archive.entries import Archive

    with bundle_errors():
        entries = Archive.open(folder).entries()
    if as_json:
        found = [_entry(entry) for entry in entries]
        document("ormlab-archive-list/1", {"archive": str(folder), "entries": found})
        return
    here = sum(entry.path is not None for entry in entries)
    click.echo(f"{folder} holds {here} of the {len(entries)} bundles of its index.")
    for entry in entries:
        record = entry.record
        told = "not here"
        if record:
            ends = f"{record.trials.completed}/{record.trials.planned} trials"
            told = f"{record.status:<8}  {ends:<15}  {visible(record.plan.name)}"
        click.echo(f"{entry.number:>5}  {entry.line.id:<27}  {entry.line.seal[:12]}  {told}")


@group.command("show")
@click.argument("prefix", metavar="ID")
@options.archive
@options.as_json
def show(prefix: str, folder: Path, *, as_json: bool) -> None:
    """Show what the record says of the bundle with this ID; `verify` checks it.

    ID is the beginning of the bundle's id.

    \b
    Example:
      ormlab archive show 20261123
    """
    from ormlab.archive.entries import Archive, find

    with bundle_errors():
        entries = Archive.open(folder).entries()
        line = find(tuple(entry.line for entry in entries), prefix, where=str(folder))
    told = _entry(next(entry for entry in entries if entry.line == line))
    if as_json:
        document("ormlab-archive-show/1", told)
        return
    for key, value in told.items():
        click.echo(f"{key:<11}  {'-' if value is None else visible(str(value))}")


@group.command("verify")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@options.archive
@click.option(
    "--against",
    "copy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A copy of index.jsonl that was kept elsewhere; the index must continue it.",
)
@options.as_json
def verify(ids: tuple[str, ...], folder: Path, copy: Path | None, *, as_json: bool) -> None:
    """Check the chain of the index, and every bundle or those named; exits 3 on a problem.

    ID is the beginning of a bundle's id.

    \b
    Examples:
      ormlab archive verify
      ormlab archive verify 20261123 --against index-of-last-year.jsonl
    """
    from ormlab.archive.check import check

    with bundle_errors():
        outcome = check(folder, ids, copy=copy)
    problems = [
        {"code": each.code, "where": each.where, "what": each.what, "hint": each.hint}
        for each in outcome.findings
    ]
    if as_json:
        result = {"archive": str(folder), "lines": outcome.lines, "bundles": outcome.bundles}
        document("ormlab-archive-verify/1", result, problems=problems)
    else:
        verdict = "broken" if problems else "whole"
        click.echo(
            f"{folder} is {verdict}: {outcome.bundles} bundles verified at L1, "
            f"{outcome.lines} lines in the index, {len(problems)} problems."
        )
        for problem in problems:
            click.echo(f"  {problem['code']}: {problem['where']}: {problem['what']}")
    if problems:
        sys.exit(Exit.VERIFICATION_FAILED)


@group.command("push")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--to", "url", required=True, metavar="URL", help="The store.")
@options.archive
@options.as_json
def push(ids: tuple[str, ...], url: str, folder: Path, *, as_json: bool) -> None:
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

    with bundle_errors():
        pushed = exchange(folder, Store.open(url, make=True), ids)
    if as_json:
        told = [
            {"id": p.stored.id, "sha256": p.stored.archive, "outcome": p.outcome} for p in pushed
        ]
        document("ormlab-archive-push/1", {"store": url, "bundles": told})
        return
    new = sum(each.outcome == "stored" for each in pushed)
    click.echo(f"{new} bundles stored in {url}, {len(pushed) - new} were there.")
    for each in pushed:
        click.echo(f"  {each.stored.id}  {each.stored.archive}  {each.outcome}")


@group.command("pull")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--from", "url", required=True, metavar="URL", help="The store.")
@options.archive
@click.option("--all", "everything", is_flag=True, help="Every bundle of the store's index.")
@options.as_json
def pull(ids: tuple[str, ...], url: str, folder: Path, *, everything: bool, as_json: bool) -> None:
    """Fetch bundles from an object store into the archive.

    ID is the beginning of a bundle's id.

    The command verifies the digest before it unpacks a bundle, and the bundle before it adds it.
    The archive takes over the store's index.

    \b
    Examples:
      ormlab archive pull 20261123 --from s3://benchmarks/orm --archive received
      ormlab archive pull --all --from /mnt/backup
    """
    if bool(ids) == everything:
        raise click.UsageError("name at least one ID, or say --all")
    from ormlab.archive.exchange import pull as exchange
    from ormlab.archive.store import Store

    with bundle_errors():
        kept = exchange(Store.open(url), folder, ids)
    if as_json:
        told = [_kept(each) for each in kept]
        document("ormlab-archive-pull/1", {"store": url, "bundles": told})
        return
    for each in kept:
        said = "fetched" if each.outcome == "added" else _OUTCOMES[each.outcome]
        click.echo(f"{each.line.id} {said} ({each.path})")


@group.command("sign")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="SSH private key, or the public one of a key that an ssh-agent holds.",
)
@options.as_json
def sign(bundle: Path, key: Path, *, as_json: bool) -> None:
    """Sign the seal of a BUNDLE with an SSH key: writes SEAL.json.sig beside it.

    \b
    Example:
      ormlab archive sign bundles/20261123T031500Z-1a2b3c4d --key ~/.ssh/id_ed25519
    """
    from ormlab.archive.sign import sign as make

    with bundle_errors():
        signature = make(bundle, key)
    if as_json:
        document("ormlab-archive-sign/1", {"signature": str(signature)})
    else:
        click.echo(str(signature))


@group.command("export")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "form",
    type=click.Choice(["ro-crate", "bagit", "openmetrics", "in-toto"]),
    required=True,
    help="Form to write.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder (ro-crate, bagit) or file (openmetrics, in-toto) to make.",
)
@options.as_json
def export(bundle: Path, form: str, out: Path, *, as_json: bool) -> None:
    """Write a BUNDLE in a form that other tools read: the same bundle gives the same bytes.

    \b
      ro-crate     a folder: the bundle, described as a Process Run Crate (RO-Crate 1.1)
      bagit        a folder: the bundle as the payload of a bag (RFC 8493)
      openmetrics  a file: one sample for each trial and metric, for Prometheus
      in-toto      a file: a test-result statement over the seal, to be signed

    \b
    Examples:
      ormlab archive export bundles/20261123T031500Z-1a2b3c4d --as ro-crate -o crate/
      ormlab archive export bundles/20261123T031500Z-1a2b3c4d --as openmetrics -o run.om
    """
    from ormlab.archive.exports import Form
    from ormlab.archive.exports import export as write

    with bundle_errors():
        write(bundle, Form(form), out)
    if as_json:
        document("ormlab-archive-export/1", {"form": form, "out": str(out)})
    else:
        click.echo(str(out))


def _kept(kept: Kept) -> dict[str, object]:
    line = kept.line
    return {"id": line.id, "seal": line.seal, "folder": str(kept.path), "outcome": kept.outcome}


def _entry(entry: Entry) -> dict[str, object]:
    told: dict[str, object] = {"id": entry.line.id, "seal": entry.line.seal, "line": entry.number}
    told["folder"] = str(entry.path) if entry.path else None
    if record := entry.record:
        told |= {
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
    return told
