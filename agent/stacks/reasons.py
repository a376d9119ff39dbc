"""Read out of an installer's output which package failed and why, or that the host is to blame."""

from __future__ import annotations

import re

# The host, not the stack: recording one of these as the stack's outcome would be false evidence.
_HOST = re.compile(
    r"^.*(?:No space left on device|Disk quota exceeded|Failed to fetch|error sending request"
    r"|network was disabled|network connectivity is disabled|Temporary failure in name resolution"
    r"|Cannot allocate memory|Killed signal terminated program|did not end within).*$",
    re.MULTILINE | re.IGNORECASE,
)
_CULPRIT = re.compile(r"(?:build|download|install) `(?P<name>[\w.-]+)==(?P<version>[^`]+)`")
_COMPILER = re.compile(
    r"^\s*(?P<line>(?P<at>\S+:\d+):\d+: (?:fatal )?error: .+?)\s*$", re.MULTILINE
)
_EXCEPTION = re.compile(r"^\s*((?:\w+\.)*\w+(?:Error|Exception|Exit): .+?)\s*$", re.MULTILINE)
_BUILD_TOOL = re.compile(r"^\s+error: (.+?)\s*$", re.MULTILINE)
_INSTALLER = re.compile(r"^(?:error|\s*cause): (.+?)\s*$", re.MULTILINE)
_FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^\s/:'\"`]+/)+")


class HostError(OSError):
    """The host could not do its part (network, disk, memory), so the stack was not tried."""


def culprit(output: str) -> tuple[str, str] | None:
    """The name and version of the package the installer stumbled over, if it names one."""
    found = _CULPRIT.search(output)
    return (found["name"], found["version"]) if found else None


def why(output: str) -> str:
    """The reason in one line: the first error of a compiler, else the most telling one there is."""
    if found := _COMPILER.search(output):
        return _without_folders(found["line"] + _undeclared(output, found["at"]))
    for pattern in (_EXCEPTION, _BUILD_TOOL, _INSTALLER):
        if lines := pattern.findall(output):
            return _without_folders(lines[-1])
    lines = output.strip().splitlines()
    return _without_folders(lines[-1]) if lines else "no output"


def _undeclared(output: str, at: str) -> str:
    """The function that a compiler did not know at this place, as a clause; usually empty.

    A function that has left Python's C API is to older compilers a warning, and what they call
    an error is only its consequence.
    """
    pattern = rf"^\s*{re.escape(at)}:\d+: warning: (implicit declaration of function [^;\n]+)"
    found = re.search(pattern, output, re.MULTILINE)
    return f", after {found[1].partition(' [-W')[0]}" if found else ""


def host_trouble(code: int, output: str) -> str | None:
    """What is wrong with the host, in one line, if that is why the installer failed.

    Args:
        code: exit status; negative if a signal ended the installer.
        output: all it printed.
    """
    if found := _HOST.search(output):
        return found[0].strip()
    return f"the installer was ended by signal {-code}" if code < 0 else None


def _without_folders(line: str) -> str:
    return _FOLDERS.sub("", line)
