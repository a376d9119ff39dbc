"""What was done to an index: its chain of digests says where, the bundles beside it often what.

`bundle.index.read` stops at the first line that does not continue the chain. Here every
line is looked at, and each break is explained: a line that names the digest of another line was
moved; one that names a digest no line has follows a line that was edited or removed, and which of
the two is settled by writing the line anew for each bundle at hand and comparing digests.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle.codec import encode
from bundle.display import quantity
from bundle.format import IndexLine
from bundle.index import parse
from bundle.names import INDEX
from ormlab.archive.codes import Finding, finding

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Chain:
    """An index as it is, whole or not."""

    lines: tuple[IndexLine, ...]  #: those that can be read, in their order
    findings: tuple[Finding, ...]  #: everything that is wrong with it


@dataclass(frozen=True)
class _Line:
    number: int
    digest: str
    record: IndexLine | None


def check(data: bytes, seals: Mapping[str, str]) -> Chain:
    """Read an index and explain every place at which its chain is broken.

    ``seals`` has the digest of the seal by id, of the bundles at hand.
    """
    findings: list[Finding] = []
    kept: list[_Line] = []
    seen: set[bytes] = set()
    for number, raw in enumerate(io.BytesIO(data).readlines(), start=1):
        where = f"{INDEX}:{number}"
        record = parse(raw)
        if not raw.endswith(b"\n"):
            findings.append(finding("index-torn", where))
        elif raw in seen:
            findings.append(finding("index-repeated", where))
        else:
            if record is None:
                findings.append(finding("index-malformed", where))
            seen.add(raw)
            kept.append(_Line(number, _digest(raw), record))
    for position in range(len(kept)):
        findings += _break(kept, position, seals)
    lines = tuple(line.record for line in kept if line.record)
    return Chain(lines, tuple(sorted(findings, key=_place)))


def extends(data: bytes, copy: bytes) -> Finding | None:
    """Return what is wrong if an index does not begin with a copy of it that was kept elsewhere."""
    if data.startswith(copy):
        return None
    theirs, ours = copy.count(b"\n"), data.count(b"\n")
    if copy.startswith(data):
        what = f"the copy has {quantity(theirs, 'line')}, this has {ours}"
        return finding("index-truncated", INDEX, what)
    pairs = zip(io.BytesIO(data), io.BytesIO(copy), strict=False)
    first = next((n for n, (a, b) in enumerate(pairs, start=1) if a != b), min(ours, theirs) + 1)
    return finding("index-rewritten", f"{INDEX}:{first}")


def _break(lines: list[_Line], position: int, seals: Mapping[str, str]) -> list[Finding]:
    """Explain why a line does not name the one before it; empty if it does."""
    line = lines[position]
    before = lines[position - 1] if position else None
    due = before.digest if before else None
    # After a line that cannot be read there is nothing to compare with.
    if line.record is None or line.record.previous == due or (before and before.record is None):
        return []
    where = f"{INDEX}:{line.number}"
    named = line.record.previous
    if named is None or any(other.digest == named for other in lines):
        return [finding("index-moved", where)]
    if named == _with_link(before, lines[position - 2] if position > 1 else None):
        return []  # the line before had its link edited, and is named for it
    after = lines[position + 1].record if position + 1 < len(lines) else None
    if after and after.previous == _with_link(line, before):
        return [finding("index-edited", where, "what it says of the line before")]
    return [_lost(named, before, where, seals)]


def _lost(named: str, before: _Line | None, where: str, seals: Mapping[str, str]) -> Finding:
    """Say whether the line whose digest no line has was edited, or taken out."""
    due = before.digest if before else None
    record = before.record if before else None
    place = f"{INDEX}:{before.number}" if before else where
    for identifier, seal in seals.items():
        if named == _as_written(identifier, seal, due):
            return _named("index-removed", where, identifier)
        if record and named == _as_written(identifier, seal, record.previous):
            return _named("index-edited", place, identifier)
    if record and seals.get(record.id) != record.seal:
        return finding("index-edited", place)
    return finding("index-removed", where)


def _with_link(line: _Line | None, before: _Line | None) -> str | None:
    """The digest that a line would have if it named the one before it."""
    if line is None or line.record is None:
        return None
    due = before.digest if before else None
    return _as_written(line.record.id, line.record.seal, due)


def _named(code: str, where: str, identifier: str) -> Finding:
    return finding(code, where, f"it was that of {identifier}", bundle=identifier)


def _as_written(identifier: str, seal: str, previous: str | None) -> str:
    line = IndexLine(id=identifier, seal=seal, previous=previous)
    return _digest(encode(line, indent=0))


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _place(found: Finding) -> int:
    return int(found.where.rpartition(":")[2])
