"""From an installer's output: which package failed and why, or that the host failed."""

from __future__ import annotations

import re

# Failures of the host: recording one of these as the stack's outcome would be false evidence.
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
    """Network, disk or memory of the host failed, so the stack was not tried."""


def culprit(output: str) -> tuple[str, str] | None:
    """The name and version of the package that failed, if the installer names one."""
    match = _CULPRIT.search(output)
    return (match["name"], match["version"]) if match else None


def why(output: str) -> str:
    """The reason in one line: the first error of a compiler, else the most specific message."""
    if match := _COMPILER.search(output):
        return _without_folders(match["line"] + _undeclared(output, match["at"]))
    for pattern in (_EXCEPTION, _BUILD_TOOL, _INSTALLER):
        if lines := pattern.findall(output):
            return _without_folders(lines[-1])
    lines = output.strip().splitlines()
    return _without_folders(lines[-1]) if lines else "no output"


def _undeclared(output: str, at: str) -> str:
    """The function that a compiler did not know at this place, as a clause; usually empty.

    For a function that Python's C API no longer has, older compilers print a warning, and their
    error is only its consequence.
    """
    pattern = rf"^\s*{re.escape(at)}:\d+: warning: (implicit declaration of function [^;\n]+)"
    match = re.search(pattern, output, re.MULTILINE)
    return f", after {match[1].partition(' [-W')[0]}" if match else ""


def host_trouble(code: int, output: str) -> str | None:
    """How the host made the installer fail, in one line; None if it did not.

    ``code`` is the exit status, negative for a signal.
    """
    if match := _HOST.search(output):
        return match[0].strip()
    return f"the installer was ended by signal {-code}" if code < 0 else None


def _without_folders(line: str) -> str:
    return _FOLDERS.sub("", line)
