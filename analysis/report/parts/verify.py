"""Part 10: how to verify the bundle and run it again, with the digests to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Code, Facts, Heading, Text
from analysis.tables import Row, Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report.blocks import Block
    from analysis.report.material import Material


def blocks(material: Material) -> Iterator[Block]:
    """Commands, then digests, then versions."""
    name, commit = material.record.id, material.record.tool.commit
    ledger = f" --ledger {material.verdicts.ledger.name}" if material.verdicts else ""
    yield Heading("Verify it")
    yield Text(
        "In the folder of the bundle, with coreutils alone. The first command prints nothing if no "
        "file was changed. The bundle's README.md has the commands that also find added files."
    )
    yield Code("sha256sum --check --strict --quiet MANIFEST.sha256\nsha256sum SEAL.json")
    yield Text(
        "With the lab, which also derives every figure of this page again from the raw files:"
    )
    yield Code(f"ormlab verify bundles/{name}\normlab report bundles/{name}{ledger}")
    yield Heading("Run it again")
    checkout = f"git checkout {commit}\n" if commit else ""
    again = f"ormlab rerun bundles/{name}\normlab diff bundles/{name} bundles/<the new one>"
    yield Code(checkout + again)
    yield Facts(tuple(_digests(material)), code=True)
    if stacks := tuple(map(Row, material.sealed.stacks.items())):
        yield Table("Stacks", columns("Stack", "Digest of its lock"), stacks)


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
