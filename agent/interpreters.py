"""Find a CPython of an exact minor or patch version on this machine, as an absolute path.

``"3.13+jit"`` and ``"3.13+jit-off"`` ask for a build with the experimental JIT; its caller switches
the JIT on or off by the variable PYTHON_JIT.

uv does not search pyenv's folder, and a pyenv shim on PATH runs only where its version is active.
So this module asks every candidate for its version.

A fresh machine runs this module with any python3: standard library only, old syntax.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from host import distribution
from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

# A pre-release, a build without the GIL and another implementation are different interpreters.
# For a virtual environment the answer is its base interpreter, which stays when the environment
# goes; for a link it is the target, because an environment looks for the library beside its base.
_PROBE = """
import os, re, sys, sysconfig
usual = (
    sys.implementation.name == "cpython"
    and sys.version_info.releaselevel == "final"
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
)
options = sysconfig.get_config_var("CONFIG_ARGS") or ""
jit = re.search("--enable-experimental-jit(?:=([a-z-]+))?", options)
print("%d.%d.%d" % sys.version_info[:3] if usual else "")
print(jit.group(1) or "yes" if jit else "no")
print(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
"""
# Values of CPython's configure option: builds with the JIT, and builds that start without it.
_HAS_JIT = ("yes", "yes-off")
_RUNS_WITHOUT = ("no", "yes-off", "interpreter-off")
_ANSWERED_LINES = 3


def find(version: str) -> str | None:
    """The absolute path of a CPython whose version is ``version`` or starts with it; None without.

    ``"3.13"`` accepts any patch release, ``"3.13.0"`` exactly that one; neither accepts a build
    whose JIT is on by default. The first match wins: the running interpreter, on PATH, in pyenv's
    folder, in uv's managed folders, the newest first.
    """
    number, _, jit = version.partition("+")
    builds = _HAS_JIT if jit else _RUNS_WITHOUT
    for candidate in _candidates(number):
        identity = _identify(candidate)
        if identity is None or identity[1] not in builds:
            continue
        if identity[0] == number or identity[0].startswith(number + "."):
            return identity[2]
    return None


def how_to_get(version: str) -> str:
    """One sentence that says how a user gets this interpreter."""
    number, _, jit = version.partition("+")
    if jit:
        return (
            f"build CPython {number} with --enable-experimental-jit (3.13 needs LLVM 18 for that) "
            f"and put its python{_minor(number)} on PATH or into a folder of pyenv's versions"
        )
    return (
        f"install CPython {version}, here with `{distribution.how_to_get_python(version)}`, or "
        "let uv fetch it with ORMLAB_FETCH_PYTHON=1"
    )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    minor = _minor(version)
    # The role python_runtime gives the last name to a second build, with the JIT.
    for name in ("python" + minor, "python3", "python" + minor + "-jit"):
        on_path = shutil.which(name)
        if on_path:
            yield on_path
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and no entry in passwd
        home = Path("/nonexistent")
    folders = [Path(os.environ.get("PYENV_ROOT", str(home / ".pyenv"))) / "versions"]
    if own := os.environ.get("UV_PYTHON_INSTALL_DIR"):
        folders.append(Path(own))
    folders.append(home / ".local/share/uv/python")
    for folder in folders:
        paths = folder.glob("*" + version + "*/bin/python" + minor)
        for path in sorted(paths, key=_numbers, reverse=True):
            yield str(path)


def _numbers(path: Path) -> list[int]:
    """The numbers in the name of an installation, so that 3.12.10 comes after 3.12.9."""
    return [int(number) for number in re.findall(r"\d+", path.parent.parent.name)]


def _identify(executable: str) -> tuple[str, str, str] | None:
    """Version, kind of JIT build, and path; None if it does not answer."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _PROBE],
            env=environment("installer"),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode != 0:
        return None
    lines = answer.stdout.splitlines()
    return (lines[0], lines[1], lines[2]) if len(lines) == _ANSWERED_LINES else None
