"""Verify a benchmark bundle with nothing but Python 3.9 or later: ``verify_bundle.py BUNDLE``.

One file and the standard library alone, for whoever received a bundle and wants to trust neither
its maker nor a program with hundreds of dependencies. It finds what ``ormlab verify --level L1``
finds, under the same codes, and with ``--index FILE`` whether the seal stands in a chained index.
Run it as ``python3 -I -S verify_bundle.py BUNDLE``. Exit codes: 0 all well, 2 wrong usage or no
room for what is to be printed, 3 problems.

It is no part of a bundle: a verifier that the maker sends along may say anything. Take it from
where the project is published. The format and the codes are described in docs/bundle-format.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import stat
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

SEAL, RECORD, MANIFEST = "SEAL.json", "bundle.json", "MANIFEST.sha256"
UNLISTED = {MANIFEST, SEAL, "SEAL.json.sig", "ro-crate-metadata.json"}
DERIVED = "derived"
DERIVED_LIST = "derived/DERIVED.sha256"
LARGEST_RECORD, LARGEST_LIST = 16 * 2**20, 64 * 2**20
L0 = re.compile(r"not-a-bundle|seal-.*|record-.*|manifest-(missing|unreadable|changed)")
L4 = re.compile(r"index-.*|anchor-.*")

Problem = tuple[str, str, str]
Check = Callable[[Any], bool]
Record = dict[str, Any]


def verify(root: Path, index: Path | None = None) -> list[Problem]:
    """Return every problem as code, path and detail."""
    found: list[Problem] = []
    if not root.is_dir():
        return [("not-a-bundle", ".", "")]
    record, listed, seal = _check_seal(root, found)
    kinds = dict(_scan(root))
    own = {path: kind for path, kind in kinds.items() if not path.startswith(DERIVED + "/")}
    inside = {path: kind for path, kind in kinds.items() if path not in own}
    if listed is not None:
        _check_files(root, own, listed, found)
    if inside:
        _check_derived(root, inside, seal, found)
    _check_shapes(kinds, found)
    if index is not None:
        _check_index(index, record, seal, found)
    return found


def _check_seal(root: Path, found: list[Problem]) -> tuple[Record | None, bytes | None, str | None]:
    if root.name.endswith(".partial"):
        found.append(("seal-unfinished", ".", ""))
    sealed = _read(root, SEAL, ("seal-missing", "seal-malformed"), LARGEST_RECORD, found)
    stated = _read(root, RECORD, ("record-missing", "record-malformed"), LARGEST_RECORD, found)
    listed = _read(root, MANIFEST, ("manifest-missing", "manifest-unreadable"), LARGEST_LIST, found)
    seal = _decode(sealed, "seal/1", SEAL, "seal-malformed", found)
    record = _decode(stated, "bundle/1", RECORD, "record-malformed", found)
    if seal and stated is not None and _sha256(stated) != seal["bundle"]:
        found.append(("record-changed", RECORD, ""))
    if seal and listed is not None and _sha256(listed) != seal["manifest"]:
        found.append(("manifest-changed", MANIFEST, ""))
    if seal and record:
        ours = (_instant(seal["sealed_at"]), seal["tool"])
        if ours != (_instant(record["sealed"]), record["tool"]):
            found.append(("seal-disagrees", SEAL, ""))
    return record, listed, None if sealed is None else _sha256(sealed)


def _check_files(root: Path, own: dict[str, str], listed: bytes, found: list[Problem]) -> None:
    due, flaws = _parse_list(listed)
    found += [(f"manifest-{kind}", MANIFEST, detail) for kind, detail in flaws]
    for path in list(due):
        if path in UNLISTED or path.split("/")[0] == DERIVED:
            found.append(("manifest-reserved", MANIFEST, path))
            del due[path]
    here = {path for path, kind in own.items() if kind == "file"} - UNLISTED
    found += [("file-missing", path, "") for path in sorted(set(due) - set(own))]
    found += [("file-extra", path, "") for path in sorted(here - set(due))]
    _compare(root, due, here, "file-changed", found)


def _check_derived(
    root: Path, inside: dict[str, str], seal: str | None, found: list[Problem]
) -> None:
    codes = ("derived-unlisted", "derived-malformed")
    data = _read(root, DERIVED_LIST, codes, LARGEST_LIST, found)
    if data is None:
        return
    head, _, rest = data.partition(b"\n")
    if not head.startswith(b"# "):
        found.append(("derived-malformed", DERIVED_LIST, "the first line has no '# '"))
    raw = head[2:] if head.startswith(b"# ") else head
    made = _decode(raw, "derived/1", DERIVED_LIST, "derived-malformed", found)
    if made and made["seal"] != seal:
        found.append(("derived-foreign", DERIVED_LIST, f"it names {made['seal']}"))
    listed, flaws = _parse_list(rest)
    found += [("derived-malformed", DERIVED_LIST, detail) for _, detail in flaws]
    due = {f"{DERIVED}/{path}": digest for path, digest in listed.items()}
    if due.pop(DERIVED_LIST, None):
        found.append(("derived-malformed", DERIVED_LIST, "it lists itself"))
    here = {path for path, kind in inside.items() if kind == "file"} - {DERIVED_LIST}
    found += [("derived-missing", path, "") for path in sorted(set(due) - set(inside))]
    found += [("derived-extra", path, "") for path in sorted(here - set(due))]
    _compare(root, due, here, "derived-changed", found)


def _check_shapes(kinds: dict[str, str], found: list[Problem]) -> None:
    for path, kind in sorted(kinds.items()):
        if kind != "file":
            found.append((kind, path, ""))
    seen: dict[str, str] = {}
    for path in sorted(kinds):
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            prefix = "/".join(parts[:depth])
            if seen.setdefault(prefix.casefold(), prefix) != prefix:
                found.append(("case-collision", prefix, seen[prefix.casefold()]))
                break


def _check_index(
    index: Path, record: Record | None, seal: str | None, found: list[Problem]
) -> None:
    try:
        lines = index.read_bytes().splitlines(keepends=True)
    except OSError as error:
        found.append(("index-unreadable", "index.jsonl", str(error)))
        return
    previous, seals = None, []
    for number, raw in enumerate(lines, start=1):
        line = _decode(raw, "index/1", "", "index-broken", [])
        if line is None or line["previous"] != previous or not raw.endswith(b"\n"):
            found.append(("index-broken", f"index.jsonl:{number}", ""))
        previous = _sha256(raw)
        if line and record and line["id"] == record["id"]:
            seals.append(line["seal"])
    broken = any(code == "index-broken" for code, _, _ in found)
    if seals and seal not in seals:
        found.append(("anchor-differs", "index.jsonl", f"it has {seals[-1]}"))
    elif not seals and not broken:
        found.append(("anchor-missing", ".", ""))


def _scan(root: Path) -> Iterator[tuple[str, str]]:
    """Yield everything below a folder but folders that hold something, and what it is."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as listing:
                items = list(listing)
        except OSError:
            yield folder, "file-unreadable"
            continue
        if not items:
            yield folder, "folder-empty"
        for item in items:
            path = f"{folder}/{item.name}" if folder else item.name
            if item.is_dir(follow_symlinks=False):
                pending.append(path)
            elif item.is_symlink():
                yield path, "file-symlink"
            else:
                yield path, "file" if item.is_file(follow_symlinks=False) else "file-special"


def _compare(
    root: Path, due: dict[str, str], here: set[str], code: str, found: list[Problem]
) -> None:
    for path in sorted(here & set(due)):
        digest = hashlib.sha256()
        try:
            with _open(root / path) as file:
                for piece in iter(lambda: file.read(2**18), b""):
                    digest.update(piece)
        except OSError as error:
            found.append(("file-unreadable", path, error.strerror or str(error)))
            continue
        if digest.hexdigest() != due[path]:
            found.append((code, path, f"{digest.hexdigest()} instead of {due[path]}"))


def _open(path: Path) -> Any:  # noqa: ANN401 - a raw file
    """Open a regular file; a link is not followed, and a fifo not waited for."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb", 0)
    told = os.fstat(file.fileno())
    if not stat.S_ISREG(told.st_mode):
        file.close()
        raise OSError("not a regular file")
    if told.st_size > 2**28 and told.st_blocks * 512 < told.st_size // 64:
        file.close()
        raise OSError("a large file of holes")
    return file


def _read(
    root: Path, name: str, codes: tuple[str, str], limit: int, found: list[Problem]
) -> bytes | None:
    try:
        with _open(root / name) as file:
            data = b""
            while len(data) <= limit and (piece := file.read(2**18)):
                data += piece
    except FileNotFoundError:
        found.append((codes[0], name, ""))
        return None
    except OSError as error:
        found.append((codes[1], name, error.strerror or str(error)))
        return None
    if len(data) > limit:
        found.append((codes[1], name, "too large"))
        return None
    return data


_LINE = re.compile(rb"([0-9a-f]{64})  ([\x20-\x7e]+)")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@,-]*")


def _parse_list(data: bytes) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Read a list of digests, keeping what can be understood and naming each line that cannot."""
    digests: dict[str, str] = {}
    flaws: list[tuple[str, str]] = []
    lines = data.split(b"\n")
    if lines.pop():
        flaws.append(("malformed", "the last line has no newline"))
    latest = ""
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        path = match[2].decode() if match else ""
        if path.startswith("/") or ".." in path.split("/"):
            flaws.append(("escapes", f"line {number}"))
        elif not match or not _allowed(path):
            flaws.append(("malformed", f"line {number}"))
        elif path in digests:
            flaws.append(("duplicate", f"line {number}"))
        else:
            if path < latest:
                flaws.append(("unsorted", f"line {number}"))
            latest = path
            digests[path] = match[1].decode()
    return digests, flaws


def _allowed(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    parts = all(_PART.fullmatch(part) for part in path.split("/"))
    return parts and len(name) <= 100 and len(folder) <= 90  # noqa: PLR2004 - as in ustar


def _decode(
    data: bytes | None, schema: str, name: str, code: str, found: list[Problem]
) -> Record | None:
    """Read a record strictly: no repeated, unknown or missing key, no value out of its range."""
    if data is None:
        return None
    try:
        raw: Record = json.loads(data.decode(), **_STRICT)
        _fit(raw, {"schema": _one_of(schema), **_FORMS[schema]}, "$")
        if schema == "bundle/1":
            _check_record(raw)
    except (ValueError, RecursionError) as error:
        found.append((code, name, str(error)))
        return None
    return raw


def _once(pairs: list[tuple[str, Any]]) -> Record:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]!a} is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:  # noqa: PLR2004 - digits of 64 bits
        raise ValueError(f"the integer {text[:40]!a} has more than 64 bits")
    return int(text)


_STRICT: Record = {
    "object_pairs_hook": _once,
    "parse_constant": _constant,
    "parse_float": _finite,
    "parse_int": _integer,
}


def _fit(value: Any, form: Any, at: str) -> None:  # noqa: ANN401 - any JSON
    if isinstance(form, dict):
        known = {key.rstrip("?"): inner for key, inner in form.items()}
        if not isinstance(value, dict) or not set(form) & set(known) <= set(value) <= set(known):
            raise ValueError(f"{at} has other keys than {', '.join(form)}")
        for key, inner in value.items():
            _fit(inner, known[key], f"{at}.{key}")
    elif isinstance(form, list):
        for number, item in enumerate(value if isinstance(value, list) else [None]):
            _fit(item, form[0], f"{at}[{number}]")
    elif not form(value):
        raise ValueError(f"{at} is not what it must be")


def _check_record(raw: Record) -> None:
    created, sealed = _instant(raw["created"]), _instant(raw["sealed"])
    if created > sealed:
        raise ValueError("created and sealed are in the wrong order")
    if len(raw["omitted"]) > 1000:  # noqa: PLR2004 - as the lab has it
        raise ValueError("omitted has more than 1000 entries")
    due = f"{created.strftime('%Y%m%dT%H%M%SZ')}-{raw['plan']['sha256'][:8]}"
    if raw["id"] != due and not raw["id"].startswith(due + "-"):
        raise ValueError(f"created and plan make the id {due}")


_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]00:00)", re.ASCII)


def _instant(text: str) -> datetime:
    match = _INSTANT.fullmatch(text)
    if not match:
        raise ValueError(f"{text!a} is not an instant in UTC")
    if not 1970 <= int(match[1][:4]) < 3000:  # noqa: PLR2004 - years of measurements
        raise ValueError(f"{text!a} is in no year of a measurement")
    whole = datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    micros = round(float(match[3] or 0) * 1e6)
    return whole.replace(microsecond=min(micros, 999_999), tzinfo=timezone.utc)


def _is_instant(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, str) and bool(_instant(value))


def _text(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value))


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def _is_tally(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, dict) and all(_count(each) for each in value.values())


_any_text = _text(r"(?s).*")
_count: Check = lambda value: type(value) is int and value >= 0  # noqa: E731
_flag: Check = lambda value: isinstance(value, bool)  # noqa: E731
_digest = _text("[0-9a-f]{64}")
_identifier = _text("[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}(-[0-9]{1,4})?")
_tool = {
    "version": _any_text,
    "commit": _or_null(_text("[0-9a-f]{40}([0-9a-f]{24})?")),
    "dirty": _or_null(_flag),
}
_reason = {"path": _any_text, "reason": _any_text}
_interruption = {"resumed": _is_instant, "trials": _count, "discarded": [_any_text]}
_interruption["clock_set_back_s?"] = _count
_counts = dict.fromkeys(("planned", "completed", "failed", "skipped"), _count)
_derived = {"seal": _digest, "ledger": _or_null(_digest)}
_FORMS: Record = {
    "seal/1": {"manifest": _digest, "bundle": _digest, "sealed_at": _is_instant, "tool": _tool},
    "bundle/1": {
        "id": _identifier,
        "status": _one_of("complete", "partial", "aborted"),
        "tool": _tool,
        "plan": {"sha256": _digest, "name": _any_text},
        **dict.fromkeys(("ledger", "host", "previous"), _or_null(_digest)),
        "trials": _counts,
        "omitted": [_reason],
        "redactions": [{**_reason, "counts?": _is_tally}],
        **dict.fromkeys(("created", "sealed"), _is_instant),
        "interruptions?": [_interruption],
        "rerun_of?": _digest,
        "clock_set_back_s?": _count,
    },
    "derived/1": {**_derived, "analysis_lock": _digest, "tool": _tool},
    "index/1": {"id": _identifier, "seal": _digest, "previous": _or_null(_digest)},
}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _level(code: str) -> str:
    return "L0" if L0.fullmatch(code) else "L4" if L4.fullmatch(code) else "L1"


def main() -> int:
    """Verify the bundle named on the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Verify a benchmark bundle: levels L0 and L1.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--index", type=Path, help="an index.jsonl that must hold the seal (L4)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    found = verify(arguments.bundle, arguments.index)
    problems = [
        {"code": code, "level": _level(code), "where": ascii(path)[1:-1], "what": detail}
        for code, path, detail in found
    ]
    if arguments.json:
        told = {"schema": "verify-bundle/1", "ok": not problems, "problems": problems}
        lines = [json.dumps(told, indent=1).replace("\x7f", "\\u007f")]
    else:
        lines = [_line(each) for each in problems] or [_ALL_WELL]
    written = _say(lines)
    return 3 if problems else written


_ALL_WELL = "nothing was changed since the seal; who sealed it, and what is true, is not said"


def _line(problem: dict[str, str]) -> str:
    detail = ascii(problem["what"])[1:-1]
    return f"{problem['level']} {problem['code']}: {problem['where']}: {detail}".rstrip(": ")


def _say(lines: list[str]) -> int:
    """Print lines; return 2 if that cannot be done, unless the reader has left, as `head` does."""
    try:
        print("\n".join(lines), flush=True)
    except OSError as error:
        # What is buffered must go somewhere before the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"the outcome cannot be written: {error.strerror}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
