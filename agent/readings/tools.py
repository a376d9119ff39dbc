"""Readings of the programs that a run needs; a program that is not there reads ``none``."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess

from ..started import environment
from .source import NotReadable, Place, Reading

_TIMEOUT_S = 10
_VERSION = re.compile(r"\d+(?:\.\d+)+")


def version(program: str, option: str = "--version") -> str:
    """What a program says of its version; ``none`` where there is no such program.

    wrk exits 1 after saying it, so the status means nothing.

    Raises:
        NotReadable: it says nothing that looks like a version.
    """
    path = shutil.which(program)
    if path is None:
        return "none"
    said = subprocess.run(
        [path, option],
        env=environment("tool"),
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
    )
    found = _VERSION.search(said.stdout + said.stderr)
    if found is None:
        raise NotReadable(f"{path} {option} names no version")
    return found[0]


def _uv(place: Place) -> str:
    if place.uv is None:
        raise NotReadable("nobody said where uv is")
    return version(place.uv)


READINGS = (
    Reading(
        "python",
        "text",
        None,
        "the interpreter of the agent and of the stacks on 3.13, exact patch",
        "platform.python_version()",
        lambda _: platform.python_version(),
    ),
    Reading("wrk", "text", None, "version of wrk", "wrk --version", lambda _: version("wrk")),
    Reading("uv", "text", None, "version of uv", "uv --version", _uv),
    Reading(
        "compiler",
        "text",
        None,
        "version of the C compiler",
        "cc --version",
        lambda _: version("cc"),
    ),
)
