r"""Locks, read strictly: pinned packages and their hashes, and nothing else that installers obey.

An installer takes options, addresses and other files from its list of requirements, and a lock may
come from somebody else's bundle. Therefore a lock must follow this grammar,

    name==version [; marker] [\]
        --hash=sha256:<64 hex digits> [\]
        ...

with comments on lines of their own, and the lab writes the installer's list anew from the pins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 4 * 2**20  # bytes of one lock; the largest of the lab has a twentieth of that
_MOST_HASHES = 2000  # of one package; a release with wheels for all platforms has about 150
_MOST_LINES = _MOST_HASHES + 2  # a hash a line
_LONGEST_MARKER = 300

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PIN = re.compile(rf"(?P<name>{NAME})==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)")
_HASH = re.compile(r"--hash=(?P<hash>sha256:[0-9a-f]{64})")
_MARKER = re.compile(
    r"(?:\s|[()]|[<>=!~]++|'[A-Za-z0-9._ +-]*'|\"[A-Za-z0-9._ +-]*\""
    r"|\b(?:and|or|not|in|extra|os_name|sys_platform|python_version|python_full_version"
    r"|implementation_name|implementation_version"
    r"|platform_(?:machine|python_implementation|release|system|version))\b)++"
)
# What an installer takes a line for that is not a pin; the first match names it.
_REFUSED = (
    (re.compile(r"-"), "an option of an installer"),
    (re.compile(r"[\w.\[\]-]+\s*@"), "an address to install from"),
    (re.compile(r".*://"), "an address to install from"),
    (re.compile(r"[./~]"), "a path to install from"),
)


class StackFileError(ValueError):
    """``stacks.toml`` or a file it names is wrong; the message names the file and the place."""


class Pin(NamedTuple):
    """One package of a lock."""

    version: str
    lines: str  #: its lines in the lock, hashes included
    requirement: str  #: the pin written anew for an installer: one line, ended by a newline


def normalise(name: str) -> str:
    """The one spelling of a distribution's name (the name normalisation of PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read(path: Path) -> dict[str, Pin]:
    """Return every package of a lock by its normalised name, in the order of the file.

    Raises:
        StackFileError: it is missing, too large, or holds anything but pins and comments.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as problem:
        raise StackFileError(f"{path.name}: {problem.strerror}") from None
    if len(data) > LARGEST:
        raise StackFileError(f"{path.name}: the lock is larger than {LARGEST:,} bytes")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise StackFileError(f"{path.name}:{line}: a lock holds ASCII characters only") from None
    return parse(text, path.name)


def parse(text: str, where: str) -> dict[str, Pin]:
    """Read the text of a lock; ``where`` names the file in errors, which are those of `read`."""
    lines = text.split("\n")
    if lines.pop():
        raise StackFileError(f"{where}:{len(lines) + 1}: the last line has no newline")
    found: dict[str, Pin] = {}
    at = 0
    while at < len(lines):
        if not lines[at].strip(" ") or lines[at].lstrip(" ").startswith("#"):
            _demand(lines[at].isprintable(), where, at, "a control character")
            at += 1
            continue
        end = at + 1
        while lines[end - 1].endswith("\\"):
            _demand(end < len(lines), where, end - 1, "a continuation without a line to go on with")
            end += 1
            _demand(
                end - at <= _MOST_LINES,
                where,
                at,
                f"more than {_MOST_LINES:,} lines of one package",
            )
        name, pin = _pin(lines[at:end], where, at)
        _demand(name not in found, where, at, f"{name} a second time")
        found[name] = pin
        at = end
    return found


def _pin(lines: list[str], where: str, at: int) -> tuple[str, Pin]:
    """One package, from its line and those that continue it."""
    for offset, line in enumerate(lines):
        _demand(line.isprintable(), where, at + offset, "a control character")
    head, *rest = (line.removesuffix("\\").rstrip(" ") for line in lines)
    pin = _PIN.match(head)
    if pin is None:
        what = next((what for form, what in _REFUSED if form.match(head)), "no pinned package")
        raise _refused(where, at, what)
    condition, *first = head[pin.end() :].split(" --hash=")
    marker = _marker(condition, where, at)
    hashes = []
    for offset, part in enumerate([*(f"--hash={digest}" for digest in first), *rest]):
        number = at + max(0, offset - len(first) + 1)
        for word in part.split():
            if not _HASH.fullmatch(word):
                raise _refused(where, number, f"{word[:60]!r}, which is no --hash=sha256:")
            hashes.append(word)
    _demand(hashes, where, at, f"{pin['name']} without a hash")
    _demand(len(hashes) <= _MOST_HASHES, where, at, f"more than {_MOST_HASHES} hashes")
    stated = f"{pin['name']}=={pin['version']}{f' ; {marker}' if marker else ''}"
    requirement = " ".join([stated, *hashes]) + "\n"
    return normalise(pin["name"]), Pin(pin["version"], "\n".join(lines) + "\n", requirement)


def _marker(condition: str, where: str, at: int) -> str:
    """The marker after a semicolon, empty if there is none."""
    text = condition.strip(" ")
    if not text:
        return ""
    marker = text.removeprefix(";").strip(" ")
    is_marker = text.startswith(";") and len(marker) <= _LONGEST_MARKER
    if not is_marker or not _MARKER.fullmatch(marker):
        raise _refused(where, at, f"{text[:60]!r} after a version, which is no marker")
    return marker


def _demand(condition: object, where: str, at: int, complaint: str) -> None:
    if not condition:
        raise _refused(where, at, complaint)


def _refused(where: str, at: int, complaint: str) -> StackFileError:
    due = "a lock holds name==version and --hash=sha256: only"
    return StackFileError(f"{where}:{at + 1}: {complaint}; {due}")
