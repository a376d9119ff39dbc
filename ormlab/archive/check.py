"""Does an archive still hold what was put into it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import names, storage
from bundle.verify import verify
from ormlab.archive import chain
from ormlab.archive.codes import Finding, finding
from ormlab.archive.entries import Archive, find

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.format import IndexLine


@dataclass(frozen=True)
class Checked:
    """What of an archive holds."""

    lines: int  #: how many lines the index has
    bundles: int  #: how many of them have their bundle here, sealed as the line says and whole
    findings: tuple[Finding, ...]  #: every problem, those of the index first


def check(folder: Path, ids: Sequence[str] = (), *, copy: Path | None = None) -> Checked:
    """Check the chain of the index, and that each bundle is there and verifies at L1.

    With ids (or prefixes of them), it looks at these bundles only, and at the whole index.
    ``copy`` is an index of this archive that was kept elsewhere.

    Raises:
        EntryError: there is no archive, or a prefix names no bundle or several.
    """
    archive = Archive.open(folder)
    data = archive.index()
    seals = archive.seals()
    read = chain.check(data, seals)
    findings = list(read.findings)
    if copy is not None:
        with storage.guard(copy):
            difference = chain.extends(data, copy.read_bytes())
        findings += [difference] if difference else []
    wanted = [find(read.lines, prefix, where=str(folder)) for prefix in ids] or list(read.lines)
    if not ids:
        findings += _unlisted(archive, read)
    whole = 0
    for line in wanted:
        found = _bundle(archive, line, seals.get(line.id))
        findings += found
        whole += not found
    return Checked(len(read.lines), whole, tuple(findings))


def _unlisted(archive: Archive, read: chain.Chain) -> list[Finding]:
    """Bundles without a line: if the chain holds, it is its end that is missing."""
    listed = {line.id for line in read.lines}
    code = "entry-unlisted" if read.findings else "index-truncated"
    explained = {found.bundle for found in read.findings}
    return [
        finding(code, identifier, bundle=identifier)
        for identifier in archive.bundles()
        if identifier not in listed and identifier not in explained
    ]


def _bundle(archive: Archive, line: IndexLine, seal: str | None) -> list[Finding]:
    path = archive.path / line.id
    if not path.is_dir():
        return [finding("entry-missing", line.id)]
    outcome = verify(path, "L1")
    found = [
        Finding(each.code, f"{line.id}/{each.path}", each.message, each.hint)
        for each in outcome.problems
    ]
    if seal and seal != line.seal:
        found.append(finding("entry-replaced", f"{line.id}/{names.SEAL}", seal))
    return found
