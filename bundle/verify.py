"""Is a bundle still what its maker sealed?

L0: there is a seal and its digests hold. L1: the files are exactly those of the manifest. Neither
shows that the maker told the truth; docs/bundle-format.md says what each level does and does not
prevent.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

from bundle import manifest, names
from bundle.codec import Record, decode
from bundle.codes import FILE_LEVELS, Level
from bundle.errors import (
    BundleMissingError,
    NotSealedError,
    RecordError,
    VerificationError,
)
from bundle.findings import Findings, Verification
from bundle.format import BundleRecord, Provenance, Seal
from bundle.tree import Entry, digests, read_small, scan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

_MAX_RECORD: Final = 16 * 2**20
_MAX_MANIFEST: Final = 64 * 2**20

_ODD: Final = {
    "symlink": "file-symlink",
    "special": "file-special",
    "empty": "folder-empty",
    "unreadable": "file-unreadable",
}


def verify(path: Path, level: Level = "L1") -> Verification:
    """Check a bundle up to ``"L0"`` or ``"L1"`` and list everything that is wrong.

    It checks a level even if the one before has problems. The number of files bounds its memory,
    not their size.

    Raises:
        ValueError: there is no such level.
    """
    if level not in FILE_LEVELS:
        raise ValueError(f"level is {level!r}, not one of {', '.join(FILE_LEVELS)}")
    findings = Findings()
    if not path.is_dir():
        findings.add("not-a-bundle", "")
        return Verification(level, None, tuple(findings.problems), None, 0)
    listed, seal = _check_seal(path, findings)
    files = 0
    if level != "L0":
        entries = scan(path)
        derived = [entry for entry in entries if entry.path.startswith(names.DERIVED + "/")]
        own = [entry for entry in entries if not entry.path.startswith(names.DERIVED + "/")]
        if listed is not None:
            files = _check_files(path, own, listed, findings)
        if derived:
            _check_derived(path, derived, seal, findings)
        _check_shapes(entries, findings)
    return Verification(level, findings.reached(level), tuple(findings.problems), seal, files)


def require(path: Path, level: Level) -> Verification:
    """Verify a bundle, and raise unless it reaches the level.

    Raises:
        BundleMissingError: there is no folder.
        NotSealedError: L0 is not reached.
        VerificationError: a higher level is not reached.
    """
    outcome = verify(path, level)
    if outcome.ok:
        return outcome
    first = outcome.problems[0]
    if first.code == "not-a-bundle":
        raise BundleMissingError(first.message, where=path, hint=first.hint)
    more = len(outcome.problems) - 1
    what = f"{first.path}: {first.message}" + (f" (and {more} more)" if more else "")
    kind = VerificationError if outcome.level_reached else NotSealedError
    raise kind(what, where=path, hint=first.hint)


def _check_seal(root: Path, findings: Findings) -> tuple[bytes | None, str | None]:
    """Check L0; return the bytes of the manifest and the digest of the seal, if readable."""
    if root.name.endswith(names.PARTIAL_SUFFIX):
        findings.add("seal-unfinished", "")
    sealed = _read(root, names.SEAL, "seal-missing", "seal-malformed", findings)
    stated = _read(root, names.RECORD, "record-missing", "record-malformed", findings)
    listed = _read(root, names.MANIFEST, "manifest-missing", "manifest-unreadable", findings)
    seal = _decode(sealed, Seal, names.SEAL, "seal-malformed", findings)
    record = _decode(stated, BundleRecord, names.RECORD, "record-malformed", findings)
    if seal and stated is not None and _sha256(stated) != seal.bundle:
        findings.add("record-changed", names.RECORD)
    if seal and listed is not None and _sha256(listed) != seal.manifest:
        findings.add("manifest-changed", names.MANIFEST)
    if seal and record and (seal.sealed_at, seal.tool) != (record.sealed, record.tool):
        findings.add("seal-disagrees", names.SEAL)
    return listed, None if sealed is None else _sha256(sealed)


def _check_files(root: Path, own: list[Entry], listed: bytes, findings: Findings) -> int:
    """Compare the files with the manifest, both ways; return how many agree."""
    listing = manifest.parse(listed)
    for flaw in listing.flaws:
        detail = f"line {flaw.line}: {flaw.detail}"
        findings.add(f"manifest-{flaw.kind}", names.MANIFEST, detail)
    due = dict(listing.digests)
    for path in listing.digests:
        if path in names.UNLISTED or PurePosixPath(path).parts[0] == names.DERIVED:
            findings.add("manifest-reserved", names.MANIFEST, path)
            del due[path]
    return _compare(root, due, own, names.UNLISTED, code="file", findings=findings)


def _check_derived(root: Path, inside: list[Entry], seal: str | None, findings: Findings) -> None:
    """Compare derived/ with its own list, and that with the seal."""
    folder = root / names.DERIVED
    itself = f"{names.DERIVED}/{names.DERIVED_MANIFEST}"
    data = _read(folder, names.DERIVED_MANIFEST, "derived-unlisted", "derived-malformed", findings)
    if data is None:
        return
    head, _, rest = data.partition(b"\n")
    made = _decode(head.removeprefix(b"# "), Provenance, itself, "derived-malformed", findings)
    if not head.startswith(b"# "):
        findings.add("derived-malformed", itself, "the first line does not start with '# '")
    if made and made.seal != seal:
        findings.add("derived-foreign", itself, f"it names {made.seal}")
    listing = manifest.parse(rest)
    for flaw in listing.flaws:
        findings.add("derived-malformed", itself, f"line {flaw.line + 1}: {flaw.detail}")
    if names.DERIVED_MANIFEST in listing.digests:
        findings.add("derived-malformed", itself, "it lists itself")
    due = {f"{names.DERIVED}/{path}": digest for path, digest in listing.digests.items()}
    due.pop(itself, None)
    _compare(root, due, inside, {itself}, code="derived", findings=findings)


def _check_shapes(entries: Iterable[Entry], findings: Findings) -> None:
    """Report everything that is not a regular file, and names that differ only in case."""
    for entry in entries:
        if entry.kind != "file":
            findings.add(_ODD[entry.kind], entry.path)
    for first, second in names.collisions(entry.path for entry in entries):
        findings.add("case-collision", second, names.printable(first))


def _compare(
    root: Path,
    due: dict[str, str],
    entries: list[Entry],
    unlisted: AbstractSet[str],
    *,
    code: Literal["file", "derived"],
    findings: Findings,
) -> int:
    """Compare entries with the digests that are due, both ways; return how many agree."""
    here = {entry.path for entry in entries if entry.kind == "file"} - unlisted
    for path in sorted(due.keys() - {entry.path for entry in entries}):
        findings.add(f"{code}-missing", path)
    for path in sorted(here - due.keys()):
        findings.add(f"{code}-extra", path)
    agree = 0
    for path, answer in digests(root, sorted(here & due.keys())):
        if isinstance(answer, OSError):
            findings.add("file-unreadable", path, answer.strerror or str(answer))
        elif answer != due[path]:
            findings.add(f"{code}-changed", path, f"{answer} instead of {due[path]}")
        else:
            agree += 1
    return agree


def _read(folder: Path, name: str, missing: str, bad: str, findings: Findings) -> bytes | None:
    inside = f"{names.DERIVED}/{name}" if name == names.DERIVED_MANIFEST else name
    listing = name in (names.MANIFEST, names.DERIVED_MANIFEST)
    try:
        return read_small(folder / name, limit=_MAX_MANIFEST if listing else _MAX_RECORD)
    except FileNotFoundError:
        findings.add(missing, inside)
    except OSError as error:
        findings.add(bad, inside, error.strerror or "not a regular file, or too large")
    return None


def _decode[T: Record](
    data: bytes | None, kind: type[T], name: str, bad: str, findings: Findings
) -> T | None:
    if data is None:
        return None
    try:
        return decode(data, kind, where=name)
    except RecordError as error:
        findings.add(bad, name, error.what)
        return None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
