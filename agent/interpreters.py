"""Find a CPython of an exact minor or patch version on this machine, as an absolute path.

``"3.13+jit"`` and ``"3.13+jit-off"`` ask for one that was built with the experimental JIT, which
whoever starts it switches on or off by the variable PYTHON_JIT.

uv does not search pyenv's folder, and a pyenv shim on PATH runs only where that version is
activated. So every candidate is asked for its version before it is believed.

This module runs on whatever python3 a fresh machine has: standard library only, old syntax.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

# A pre-release, a build without the GIL and another implementation are different interpreters.
# In a virtual environment the interpreter it was made from is meant: that one stays. And where the
# path is a link, what it leads to: an environment made of the link looks for the library beside it.
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
# Values of CPython's configure option: built with the JIT; and off unless somebody asks for it.
_HAS_JIT = ("yes", "yes-off")
_RUNS_WITHOUT = ("no", "yes-off", "interpreter-off")
_ANSWERED_LINES = 3


def find(version: str) -> str | None:
    """Return the absolute path of a CPython whose version is ``version`` or starts with it.

    Args:
        version: ``"3.13"`` accepts any patch release, ``"3.13.0"`` exactly that one; neither
            takes one whose JIT is on by default. ``"3.13+jit"`` needs one that has it.

    Returns:
        The path of the first match: the running interpreter, on PATH, in pyenv's folder, or in
        uv's managed folder, the newest first; None if there is none.
    """
    number, _, jit = version.partition("+")
    builds = _HAS_JIT if jit else _RUNS_WITHOUT
    for candidate in _candidates(number):
        found = _identify(candidate)
        if found is None or found[1] not in builds:
            continue
        if found[0] == number or found[0].startswith(number + "."):
            return found[2]
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
        f"install CPython {version} (for instance `pyenv install {version}`, or the package "
        f"python{_minor(version)} with python{_minor(version)}-venv), or allow uv to fetch it "
        "with ORMLAB_FETCH_PYTHON=1"
    )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    minor = _minor(version)
    # The last is what the role python_runtime calls a second build, with the JIT.
    for name in ("python" + minor, "python3", "python" + minor + "-jit"):
        on_path = shutil.which(name)
        if on_path:
            yield on_path
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and no entry in passwd
        home = Path("/nonexistent")
    folders = [
        Path(os.environ.get("PYENV_ROOT", str(home / ".pyenv"))) / "versions",
        Path(os.environ.get("UV_PYTHON_INSTALL_DIR", str(home / ".local/share/uv/python"))),
    ]
    for folder in folders:
        found = folder.glob("*" + version + "*/bin/python" + minor)
        for path in sorted(found, key=_numbers, reverse=True):
            yield str(path)


def _numbers(path: Path) -> list[int]:
    """The numbers in the name of an installation, so that 3.12.10 comes after 3.12.9."""
    return [int(number) for number in re.findall(r"\d+", path.parent.parent.name)]


def _identify(executable: str) -> tuple[str, str, str] | None:
    """Version, how it was built with the JIT, and path; None if it does not answer."""
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
    said = answer.stdout.splitlines()
    return (said[0], said[1], said[2]) if len(said) == _ANSWERED_LINES else None
