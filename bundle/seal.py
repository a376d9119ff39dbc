"""Sealing a folder: record, README.md, the manifest of all files, and the digests of both."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final

from bundle import manifest, names, storage
from bundle.codec import decode, encode
from bundle.errors import PathRefusedError, RecordError
from bundle.format import BundleRecord, Interruption, Interruptions, Seal
from bundle.read import read_trials
from bundle.tree import digests, scan

if TYPE_CHECKING:
    from pathlib import Path

# Also printed in docs/bundle-format.md; a test runs both.
CHECKS: Final = r"""sha256sum --check --strict --quiet MANIFEST.sha256
{
  find . -path ./derived -type d -prune -o \( ! -type d -o -empty \) -printf '%y %P\n' |
    grep -vxE 'f (MANIFEST\.sha256|SEAL\.json(\.sig)?|ro-crate-metadata\.json)'
  sed 's/^.\{65\}/f/' MANIFEST.sha256
} | sort | uniq -u
for name in MANIFEST.sha256 bundle.json; do
  grep -q "$(sha256sum < $name | cut -c -64)" SEAL.json || echo "$name is not the sealed one"
done
"""

_README: Final = """\
# Benchmark bundle {id}

The sealed record of one benchmark run: its inputs, the host before and after, and the raw files of
every trial. Plan `{plan}`, {status}. Trials: {completed} completed, {failed} failed, {skipped} not
carried out. `bundle.json` is the machine-readable form of this page; `derived/`, if present, holds
what was computed from the rest and is not part of the seal.

## Is it as it was sealed?

With GNU coreutils, findutils, sed and grep, in this folder. It is if nothing is printed:

```sh
{checks}```

The first command says which files were changed or are missing, the second what was added or is
not a plain file, the third whether the list itself is the one that was sealed.

With the tool that made it, ormlab {version}: `ormlab verify .`

This shows that nothing was changed since the seal. It does not show who sealed it: for that,
compare `sha256sum SEAL.json` with a digest that the maker published elsewhere.
"""


def check_record(folder: Path, identifier: str, record: BundleRecord) -> None:
    """Refuse a record whose id, counts or interruptions differ from the files beside it.

    Raises:
        RecordError: they differ.
    """
    if (record.interruptions or ()) != interruptions(folder):
        hint = "take the interruptions from the writer"
        raise RecordError("other interruptions", where=names.RECORD, hint=hint)
    ends = Counter(trial.record.status for trial in read_trials(folder))
    here = {"id": identifier, "completed": ends["completed"], "failed": ends["failed"]}
    counts = record.trials
    stated = {"id": record.id, "completed": counts.completed, "failed": counts.failed}
    for key, value in here.items():
        if stated[key] != value:
            what = f"{key} is {stated[key]}, but what was written makes it {value}"
            raise RecordError(what, where=names.RECORD, hint="count the closed trials")


def interruptions(folder: Path) -> tuple[Interruption, ...]:
    """Return each time an unsealed run was resumed, in order; RecordError if unreadable.

    A seal that was begun has moved them from a file of their own into the record.
    """
    path = folder / names.INTERRUPTIONS
    if path.exists():
        return decode(path.read_bytes(), Interruptions, where=path).interruptions
    path = folder / names.RECORD
    if path.exists():
        return decode(path.read_bytes(), BundleRecord, where=path).interruptions or ()
    return ()


def write_seal(folder: Path, record: BundleRecord) -> str:
    """Write record, README, manifest and, last, the seal; return the seal's digest.

    Everything else must already be in the folder.

    Raises:
        PathRefusedError: something in the folder cannot be part of a bundle.
        OSError: the disk refused.
    """
    storage.prune(folder)
    storage.write_file(folder / names.RECORD, encode(record))
    (folder / names.INTERRUPTIONS).unlink(missing_ok=True)
    storage.write_file(folder / names.README, _readme(record))
    paths = [path for path in plain_files(folder) if path not in names.UNLISTED]
    found: dict[str, str] = {}
    for path, answer in digests(folder, paths):
        if isinstance(answer, OSError):
            raise answer
        found[path] = answer
    listing = manifest.render(found)
    storage.write_file(folder / names.MANIFEST, listing)
    seal = encode(
        Seal(
            manifest=hashlib.sha256(listing).hexdigest(),
            bundle=found[names.RECORD],
            sealed_at=record.sealed,
            tool=record.tool,
        )
    )
    storage.write_file(folder / names.SEAL, seal)
    return hashlib.sha256(seal).hexdigest()


def plain_files(folder: Path) -> list[str]:
    """Return the files below a folder, sorted, refusing what no bundle may hold.

    Raises:
        PathRefusedError: something is not a regular file, or two names differ only in case.
    """
    entries = scan(folder)
    for entry in entries:
        if entry.kind != "file":
            what = f"a bundle cannot hold this ({entry.kind})"
            hint = "leave regular files only, and no empty folders"
            raise PathRefusedError(what, where=names.printable(entry.path), hint=hint)
    paths = [entry.path for entry in entries]
    for first, second in names.collisions(paths):
        what = f"the name differs from {names.printable(first)} only in case"
        raise PathRefusedError(what, where=names.printable(second), hint="rename one of them")
    return paths


def _readme(record: BundleRecord) -> bytes:
    """The page for somebody who finds the folder and knows nothing of this project."""
    return _README.format(
        id=record.id,
        plan=record.plan.name,
        status=record.status,
        completed=record.trials.completed,
        failed=record.trials.failed,
        skipped=record.trials.skipped,
        checks=CHECKS,
        version=record.tool.version,
    ).encode()
