"""What to type on this Linux distribution to get what the lab cannot bring itself.

Works under Python 3.9, because bootstrap.py imports it before the lab has an interpreter of its
own.
"""

from __future__ import annotations

import shlex
from pathlib import Path

# Distributions whose own packages have a CPython by its minor version, by os-release(5)'s ID: the
# first release that does, and the command. Ubuntu's older releases have it from deadsnakes.
_PACKAGED = (
    ("debian", "3.13", 13, "sudo apt install python3.13 python3.13-venv"),
    ("ubuntu", "3.13", 25, "sudo apt install python3.13 python3.13-venv"),
    (
        "ubuntu",
        "",
        22,
        "sudo add-apt-repository ppa:deadsnakes/ppa && sudo apt install python{0} python{0}-venv",
    ),
    ("fedora", "", 0, "sudo dnf install python{0}"),
)
_PYENV = "https://github.com/pyenv/pyenv"
# What pyenv needs to build a CPython with every module that packages of the lab import.
_TOOLS = {
    "debian": "sudo apt install build-essential git libbz2-dev libffi-dev liblzma-dev "
    "libsqlite3-dev libssl-dev zlib1g-dev",
    "fedora": "sudo dnf install bzip2-devel gcc git libffi-devel make openssl-devel sqlite-devel "
    "xz-devel zlib-devel",
    "arch": "sudo pacman -S --needed base-devel git openssl xz zlib",
}


def how_to_get_python(version: str, root: Path = Path("/")) -> str:
    """One line of a shell that installs a CPython here; pyenv builds it where no package has it.

    Args:
        version: with two numbers (any patch release will do) or three.
        root: the folder that has etc/os-release.
    """
    ids, release = _identity(root)
    is_minor = version.count(".") == 1
    for distribution, packaged, since, command in _PACKAGED:
        if is_minor and distribution == ids[0] and packaged in ("", version) and release >= since:
            return command.format(version)
    tools = next((_TOOLS[each] for each in ids if each in _TOOLS), "")
    pyenv = f"git clone {_PYENV} ~/.pyenv && ~/.pyenv/bin/pyenv install {version}"
    return f"{tools} && {pyenv}" if tools else pyenv


def how_to_get_venv(version: str, root: Path = Path("/")) -> str | None:
    """One line that installs what ``python -m venv`` lacks here; None if nothing is known of it.

    Debian and what derives from it alone split ensurepip from the interpreter.
    """
    ids, _ = _identity(root)
    return f"sudo apt install python{version}-venv" if "debian" in ids else None


def _identity(root: Path) -> tuple[list[str], float]:
    """The ids of the distribution, its own first and then what it derives from; its release."""
    named: dict[str, str] = {}
    try:
        text = (root / "etc/os-release").read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition("=")
        try:
            named[name.strip()] = " ".join(shlex.split(value))
        except ValueError:  # a quote that is not closed
            continue
    ids = [named.get("ID", ""), *named.get("ID_LIKE", "").split()]
    # Every derivative of Ubuntu names it, but some leave out what Ubuntu derives from.
    ids += ["debian"] if "ubuntu" in ids else []
    release = named.get("VERSION_ID", "")
    try:
        return ids, float(release)
    except ValueError:  # a rolling release has none
        return ids, 0.0
