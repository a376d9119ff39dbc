"""Programs that a run needs, and what they are started with."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from .. import environment
from ..expectation import ALWAYS, ANY, DOUBT, Expectation, Limit
from ..item import Fact, Item
from ..kernel import NotReadable

if TYPE_CHECKING:
    from ..item import Place

_TIMEOUT_S = 10
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_MISSING = "none"
_PRESENT = Limit(other_than=_MISSING, said="installed")


def _said(program: str) -> str:
    """All that a program says of its version, stripped.

    wrk exits 1 after saying it, so the status means nothing.

    Raises:
        LookupError: there is no such program.
    """
    path = shutil.which(program)
    if path is None:
        raise LookupError(program)
    answer = subprocess.run(
        [path, "--version"],
        env=environment.environment("tool"),
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
    )
    return (answer.stdout + answer.stderr).strip()


def version(program: str) -> str:
    """The version of a program; ``none`` where there is no such program.

    Raises:
        NotReadable: it says nothing that looks like a version.
    """
    try:
        output = _said(program)
    except LookupError:
        return _MISSING
    match = _VERSION.search(output)
    if match is None:
        raise NotReadable(f"{program} --version names no version")
    return match[0]


def _uv(place: Place) -> str:
    if place.uv is None:
        raise NotReadable("the caller names no uv")
    return version(place.uv)


ITEMS = (
    Item(
        "python",
        "exact version of the interpreter of the agent and of the stacks on 3.13",
        "platform.python_version()",
        read=lambda _: platform.python_version(),
        expected=Expectation(Limit(begins="3.13.", said="3.13, at some exact patch"), ALWAYS),
        why="the agent and the stacks on 3.13 run on it",
        do="install CPython 3.13 and set lab_python for that host",
    ),
    Item(
        "wrk",
        "version of wrk",
        "wrk --version",
        read=lambda _: version("wrk"),
        fact=Fact(
            meaning="first line of wrk --version",
            read=lambda _: _said("wrk").splitlines()[0].strip(),
        ),
        expected=Expectation(_PRESENT, DOUBT),
        why="without wrk the lab refuses plans that use it",
        do="make wrk, or --omit-missing-generators",
    ),
    Item(
        "uv",
        "version of uv",
        "uv --version",
        read=_uv,
        expected=Expectation(_PRESENT, ALWAYS, required=False),
        why="the stacks' environments are made with it",
        do="make the lab's environment again; for another host, set lab_uv in the inventory",
    ),
    Item(
        "compiler",
        "version of the C compiler",
        "cc --version",
        read=lambda _: version("cc"),
        expected=Expectation(_PRESENT, DOUBT, vm=ANY),
        why="packages without a wheel are compiled; without a compiler their stack fails",
        do="install gcc (Debian, Ubuntu: build-essential)",
    ),
    Item(
        "environment",
        "variables that the programs of a run are started with, by kind of program",
        "host/environment.py",
        read=lambda _: environment.recorded(),
        fact=Fact(identity=False),
    ),
)
