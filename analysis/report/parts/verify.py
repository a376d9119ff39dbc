"""Part 9: how to verify the bundle and run it again, with the digests to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Code, Facts, Heading, Text
from analysis.tables import Row, Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block
    from analysis.report.material import Material


def blocks(material: Material) -> tuple[Block, ...]:
    """Commands, then digests, then versions."""
    name = material.record.id
    made: list[Block] = [
        Heading("Verify it"),
        Text(
            "In the folder of the bundle, with coreutils alone; nothing is printed if no file was "
            "changed. The bundle's README.md has the commands that find added files, too."
        ),
        Code("sha256sum --check --strict --quiet MANIFEST.sha256\nsha256sum SEAL.json"),
        Text("With the lab, up to deriving every figure of this page again from the raw files:"),
        Code(f"ormlab verify bundles/{name}\normlab report bundles/{name}{_ledger(material)}"),
        Heading("Run it again"),
        Code("\n".join(_again(material))),
        Facts(tuple(_digests(material)), code=True),
    ]
    stacks = tuple(_stacks(material))
    if stacks:
        made.append(Table("Stacks", columns("Stack", "Digest of its lock"), stacks))
    return tuple(made)


def _ledger(material: Material) -> str:
    return f" --ledger {material.verdicts.ledger.name}" if material.verdicts else ""


def _again(material: Material) -> Iterator[str]:
    if commit := material.record.tool.commit:
        yield f"git checkout {commit}"
    yield f"ormlab rerun bundles/{material.record.id}"
    yield f"ormlab diff bundles/{material.record.id} bundles/<the new one>"


def _digests(material: Material) -> Iterator[tuple[str, str]]:
    record = material.record
    yield "Seal (SHA-256 of SEAL.json)", material.seal
    yield "Resolved plan", record.plan.sha256
    if material.verdicts:
        yield "Ledger that was judged", material.verdicts.ledger.sha256
    if record.ledger:
        yield "Ledger that was sealed", record.ledger
    if record.previous:
        yield "Seal before this one", record.previous
    yield "Host", record.host or "never taken"
    state = {True: ", with uncommitted changes", False: "", None: ", no git"}[record.tool.dirty]
    yield "Measured by", f"ormlab {record.tool.version}, commit {record.tool.commit}{state}"


def _stacks(material: Material) -> Iterator[Row]:
    for stack, digest in material.sealed.stacks.items():
        yield Row((stack, digest))
