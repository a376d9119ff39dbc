"""Find a CPython of an exact minor or patch version on this machine, as an absolute path.

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

if TYPE_CHECKING:
    from collections.abc import Iterator

# A pre-release, a build without the GIL and another implementation are different interpreters.
# In a virtual environment the interpreter it was made from is meant: that one stays.
_PROBE = """
import sys, sysconfig
usual = (
    sys.implementation.name == "cpython"
    and sys.version_info.releaselevel == "final"
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
)
print("%d.%d.%d" % sys.version_info[:3] if usual else "")
print(getattr(sys, "_base_executable", None) or sys.executable)
"""


def find(version: str) -> str | None:
    """Return the absolute path of a CPython whose version is ``version`` or starts with it.

    Args:
        version: ``"3.13"`` accepts any patch release, ``"3.13.0"`` exactly that one.

    Returns:
        The path of the first match: the running interpreter, on PATH, in pyenv's folder, or in
        uv's managed folder, the newest first; None if there is none.
    """
    for candidate in _candidates(version):
        found = _identify(candidate)
        if found and (found[0] == version or found[0].startswith(version + ".")):
            return found[1]
    return None


def how_to_get(version: str) -> str:
    """One sentence that says how a user gets this interpreter."""
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
    for name in ("python" + minor, "python3"):
        on_path = shutil.which(name)
        if on_path:
            yield on_path
    home = Path.home()
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


def _identify(executable: str) -> tuple[str, str] | None:
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode != 0:
        return None
    version, _, path = answer.stdout.strip("\n").partition("\n")
    return version, path
