"""Masking: taking out of what a bundle keeps whatever tells whose host it was made on.

Where a value stands decides whether it is masked, not what it looks like:

    evidence    what generators and services have written, and tables: kept byte for byte, but for
                the places at which the lab itself has put an address (`_PLACES`)
    inputs/     kept byte for byte, because digests elsewhere name them
    documents   JSON of the lab: values are masked in the fields that hold sentences (`_SENTENCES`);
                elsewhere only a path that a value begins with, and secrets. Keys, numbers and true,
                false and null always stay
    profiles    what profilers have left: paths and secrets alone, because a name or an address may
                stand in the program of a page
    logs        all other text: masked wherever a value stands as a whole word

Two kinds of secrets are masked in documents and logs: those that the lab has drawn, such as the
password of the database, and credentials that are known by their format
(`bundle.credentials`). A drawn secret in evidence is masked, too; as the file is then no
longer what was measured, `leaks` says so, and its trial fails.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import zstandard

from bundle import credentials
from bundle.documents.profilers import PICTURES, STACKS
from bundle.format import Redaction
from bundle.generators import GENERATORS
from bundle.tree import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

KINDS: Final = {
    "secret": "a secret that the lab has drawn, or a credential known by its format",
    "lab folder": "the folder of the lab on the host",
    "checkout": "the folder of the lab's checkout",
    "home folder": "the home folder of a user",
    "address": "an address of the host: of its network, its hardware, or its own number",
    "name": "the name of the host or of a user",
}
"""What is masked, by the word that takes its place, in the order in which it is looked for."""

type _Treatment = Literal["kept", "numbers", "evidence", "document", "profile", "log"]

_PATHS: Final = ("lab folder", "checkout", "home folder")
_PATCH: Final = "inputs/source.patch"
_PACKED: Final = ".zst"
_NUMBERS: Final = frozenset({".parquet", ".hdr"})
_PLACES: Final = {each.report.PATH: each.addresses for each in GENERATORS.values()}
"""Fields of a generator's document in which the address stands that the lab has told it."""

_TARGETS: Final = {
    name: line for each in GENERATORS.values() for name, line in each.address_lines.items()
}
"""By other file of a generator, the line in which it repeats that address."""

_EVIDENCE: Final = (*_PLACES, *_TARGETS, "sql.json", "answers.json", "*.http")

_PROFILED: Final = frozenset({*STACKS.values(), *PICTURES.values()})

_FAILURE: Final = ("failure.what", "failure.where", "failure.hint")
_SENTENCES: Final = {
    "trial.json": _FAILURE,
    "check.json": _FAILURE,
    "diagnosis.json": _FAILURE,
    "floor.json": _FAILURE,
    "stack.json": ("failures.*.reason",),
    "profilers.json": ("reasons.*",),
    "script-*.json": ("reason", "said.*"),
    "contract.json": ("problems.*.expected", "problems.*.got"),
    "readings*.json": ("readings.*.reason", "readings.foreign_processes.value.*"),
    "host-*.json": ("tasks.*.task",),
    "facts*.json": ("facts.environment.*",),
}
"""Fields of a document that hold sentences, by the file's name; ``*`` stands for any part."""

# Words that images, the lab and its marks use: as a name they identify nobody. Those of services,
# stacks and their packages a run adds itself.
_COMMON: Final = frozenset(
    {"address", "checkout", "folder", "home", "lab", "name", "redacted", "secret"}
    | {"admin", "bench", "debian", "nobody", "root", "runner", "ubuntu", "user", "vagrant"}
    | {"agent", "app", "client", "database", "db", "host", "load", "localhost", "server", "service"}
    | {"orm", "ormlab", "postgres", "postgresql", "python"}
    | {"uvloop", "wrk", "error", "false", "info", "none", "null", "ok", "test", "true", "users"}
    | {"warning"}
)
_SHORTEST: Final = {"secret": 6, "name": 3, "address": 3}
# What may not stand beside a value, before and after it: it would be a part of something longer.
_BESIDE: Final = {
    "address": (r"(?<![0-9A-Za-z.:])", r"(?![0-9A-Za-z]|[.:][0-9A-Fa-f])"),
    "name": (r"(?<![0-9A-Za-z_.-])", r"(?![0-9A-Za-z_-])"),
    "secret": ("", ""),
}
# Of IPv4, which may have a port behind it; a number behind == or a hyphen is a version.
_IPV4: Final = (r"(?<![0-9A-Za-z._-])(?<!==)", r"(?![0-9A-Za-z_]|\.[0-9])")
_PATH: Final = (r"(?<![0-9A-Za-z_.-])", r"(?![0-9A-Za-z_-])")
_BEGINS: Final = r"(?:\A|(?<=[=:,;'\"(]))"
_MARK: Final = re.compile(r"\[redacted (" + "|".join(KINDS) + r")\]")


@dataclass(frozen=True)
class Redactor:
    """Masks the values that it knows."""

    #: to be masked, by kind; secrets are those that the lab has drawn
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def knowing(self, more: Mapping[str, Iterable[str]], words: Iterable[str] = ()) -> Redactor:
        """One that knows more values; those that say nothing are left out.

        Args:
            more: values by kind.
            words: that the record uses itself, such as the names of subjects: as the name of a
                host or a user they identify nobody.
        """
        known = {kind: set(values) for kind, values in self.values.items()}
        for kind, values in more.items():
            known.setdefault(kind, set()).update(v for v in values if _says_something(kind, v))
        own = {word.lower() for word in words}
        for kind in ("name", "address"):  # an address may be the name of a host
            known[kind] = {value for value in known.get(kind, ()) if value.lower() not in own}
        return Redactor({kind: frozenset(values) for kind, values in known.items()})

    def clean(self, path: str, data: bytes) -> bytes:
        """Return what a file of the bundle is to hold instead; the same bytes if nothing is in it.

        Args:
            path: in the bundle, or in the folder of a trial; decides how the file is read.
            data: its bytes.
        """
        how = _treatment(path)
        if how in ("kept", "numbers"):
            return data
        packed = path.endswith(_PACKED)
        text = _decoded(_unpacked(data) if packed else data)
        cleaned = self._text(path, how, text)
        if cleaned == text:
            return data
        encoded = cleaned.encode("utf-8", "surrogateescape")
        return zstandard.ZstdCompressor().compress(encoded) if packed else encoded

    def clean_folder(self, folder: Path) -> list[str]:
        """Clean every file below a folder of the bundle that is still open.

        Returns:
            The files of evidence in which a drawn secret stood; see `leaks`.
        """
        leaking = []
        for path in (entry.path for entry in scan(folder) if entry.kind == "file"):
            if _treatment(path) in ("kept", "numbers"):
                continue
            data = (folder / path).read_bytes()
            if self.leaks(path, data):
                leaking.append(path)
            if (cleaned := self.clean(path, data)) != data:
                (folder / path).write_bytes(cleaned)
        return leaking

    def leaks(self, path: str, data: bytes) -> bool:
        """Whether a drawn secret stands in a file that is evidence, which masking would change."""
        drawn = _pattern("secret", self.values.get("secret", frozenset()))
        is_evidence = _treatment(path) == "evidence"
        return bool(is_evidence and drawn and drawn.search(_decoded(data)))

    def masked[T](self, path: str, document: T) -> T:
        """Return a document, or a part of one that encodes as JSON, as `clean` leaves it."""
        return msgspec.convert(self._document(path, msgspec.to_builtins(document)), type(document))

    def _document(self, path: str, value: object) -> object:
        """Return JSON with the same keys, numbers and lengths, and its texts masked."""
        sentences = next((v for k, v in _SENTENCES.items() if fnmatchcase(_name(path), k)), ())
        return _mapped(value, (), lambda at, text: self._value(text, _is_any(at, sentences)))

    def _text(self, path: str, how: _Treatment, text: str) -> str:
        if how == "evidence":
            return self._evidence(_name(path), text)
        if how == "document":
            try:
                document = json.loads(text)
                cleaned = self._document(path, document)
            except (ValueError, RecursionError):
                return self._sentence(text)  # cut short: nothing can read it as a document
            return text if cleaned == document else _written(cleaned)
        if how == "profile":
            return self._replace(self._replace(text, "secret"), *_PATHS)
        return self._sentence(text)

    def _evidence(self, name: str, text: str) -> str:
        """Evidence without drawn secrets, and without an address that the lab has put there."""
        text = self._replace(text, "secret")
        if name in _TARGETS:
            return _TARGETS[name].sub(lambda line: self._replace(line[0], "address"), text)
        if name not in _PLACES:
            return text
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return text
        cleaned = _mapped(document, (), lambda at, value: self._report(name, at, value))
        return text if cleaned == document else _written(cleaned)

    def _report(self, name: str, at: tuple[str, ...], value: str) -> str:
        """A text in a generator's document: where the lab put an address, or how it failed."""
        if _is_any(at, _PLACES[name]):
            return self._replace(value, "address")
        return self._sentence(value) if _is_any(at, _FAILURE) else value

    def _value(self, text: str, is_sentence: bool) -> str:  # noqa: FBT001 - of one caller
        if is_sentence:
            return self._sentence(text)
        text = credentials.masked(self._replace(text, "secret"), "[redacted secret]")
        for kind in _PATHS:
            text = self._replace(text, kind, before=_BEGINS)
        return text

    def _sentence(self, text: str) -> str:
        text = credentials.masked(self._replace(text, "secret"), "[redacted secret]")
        return self._replace(text, *(kind for kind in KINDS if kind != "secret"))

    def _replace(self, text: str, *kinds: str, before: str | None = None) -> str:
        for kind in kinds:
            if pattern := _pattern(kind, self.values.get(kind, frozenset()), before):
                text = pattern.sub(f"[redacted {kind}]", text)
        return text


def without_credentials(patch: bytes) -> bytes:
    """A patch of the source in which credentials that are known by their format are masked."""
    text = credentials.masked(_decoded(patch), "[redacted secret]")
    return text.encode("utf-8", "surrogateescape")


def declared(folder: Path) -> tuple[Redaction, ...]:
    """Say of every file of a bundle that is about to be sealed what was masked in it, how often."""
    found = []
    for path in (entry.path for entry in scan(folder) if entry.kind == "file"):
        if _treatment(path) == "numbers" or (_treatment(path) == "kept" and path != _PATCH):
            continue
        data = (folder / path).read_bytes()
        marks = _MARK.findall(_decoded(_unpacked(data) if path.endswith(_PACKED) else data))
        if counts := {kind: marks.count(kind) for kind in KINDS if kind in marks}:
            said = "; ".join(KINDS[kind] for kind in counts)
            found.append(Redaction(path=path, reason=f"replaced: {said}", counts=counts))
    return tuple(found)


def _treatment(path: str) -> _Treatment:
    name = _name(path)
    if path.startswith("inputs/"):
        return "kept"
    if PurePosixPath(name).suffix in _NUMBERS:
        return "numbers"
    if any(fnmatchcase(name, each) for each in _EVIDENCE):
        return "evidence"
    if name in _PROFILED:
        return "profile"
    return "document" if name.endswith(".json") else "log"


def _name(path: str) -> str:
    return PurePosixPath(path).name.removesuffix(_PACKED)


def _written(document: object) -> str:
    """JSON in ASCII, for a text may hold half of a surrogate pair, which UTF-8 has no bytes for."""
    return json.dumps(document, indent=1) + "\n"


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _unpacked(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def _mapped(
    value: object, at: tuple[str, ...], change: Callable[[tuple[str, ...], str], str]
) -> object:
    """A document with every string that is a value changed; keys stay."""
    if isinstance(value, dict):
        return {key: _mapped(each, (*at, key), change) for key, each in value.items()}
    if isinstance(value, list):
        return [_mapped(each, (*at, str(n)), change) for n, each in enumerate(value)]
    return change(at, value) if isinstance(value, str) else value


def _is_any(at: tuple[str, ...], fields: Iterable[str]) -> bool:
    """Whether a place in a document is one of the fields, or lies within one that ends in ``*``."""
    return any(_is_at(at, each.split(".")) for each in fields)


def _is_at(at: tuple[str, ...], parts: list[str]) -> bool:
    fits = all(part in ("*", here) for part, here in zip(parts, at, strict=False))
    return fits and (len(at) == len(parts) or (len(at) > len(parts) and parts[-1] == "*"))


def _says_something(kind: str, value: str) -> bool:
    if (kind in ("name", "address") and value.lower() in _COMMON) or value.isdecimal():
        return False
    if kind == "address" and _is_everywhere(value):
        return False
    if kind in _PATHS and not value.startswith("/"):
        return False
    return value.strip("/") != "" and len(value) >= _SHORTEST.get(kind, 2)


def _is_everywhere(address: str) -> bool:
    """Whether an address is one that every host has."""
    if address.replace(":", "").strip("0") == "":  # of hardware that has none
        return True
    try:
        return (found := ip_address(address)).is_loopback or found.is_unspecified
    except ValueError:
        return False


@cache
def _pattern(
    kind: str, values: frozenset[str], begins: str | None = None
) -> re.Pattern[str] | None:
    """One that matches each value as a whole; ``begins`` replaces what may not stand before one."""
    alternatives = []
    for value in sorted(values, key=lambda value: (-len(value), value)):
        before, after = _BESIDE.get(kind, _PATH)
        if kind == "address" and ":" not in value:
            before, after = _IPV4
        alternatives.append((begins or before) + re.escape(value) + after)
    flags = re.IGNORECASE if kind in {"address", "name"} else 0
    return re.compile("|".join(alternatives), flags) if alternatives else None
