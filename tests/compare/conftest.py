"""An inventory of its own for comparisons, and wheels and checkouts of made-up versions."""

from __future__ import annotations

import subprocess
import zipfile

import pytest

from ormlab.base import checkout
from ormlab.base.errors import UsageError
from tests.run.conftest import inventory, lab_root

__all__ = ["inventory", "lab_root"]

# It builds itself and needs nothing, so that no test of building needs a network.
BACKEND = """
import zipfile
METADATA = "Metadata-Version: 2.2\\nName: {name}\\nVersion: {version}\\n"
WHEEL = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "tortoise_orm-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        info = "tortoise_orm-{version}.dist-info/"
        wheel.writestr("tortoise/__init__.py", open("tortoise.py").read())
        wheel.writestr(info + "METADATA", METADATA)
        wheel.writestr(info + "WHEEL", WHEEL)
        wheel.writestr(info + "RECORD", "")
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
VERSION = "99.1.dev3"


@pytest.fixture
def uv():
    if not checkout.UV.exists():
        pytest.skip("bootstrap.py has not installed uv")
    return checkout.UV


@pytest.fixture
def made_checkout(tmp_path):
    """A clean git checkout of a Tortoise that is nothing but a version."""
    folder = tmp_path / "my tortoise"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    backend = BACKEND.replace("{version}", VERSION).replace("{name}", "tortoise-orm")
    (folder / "backend.py").write_text(backend)
    (folder / "tortoise.py").write_text("")
    (folder / ".gitignore").write_text("__pycache__\n")
    git = ("git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run([*git, *arguments], check=True)
    return folder


@pytest.fixture
def made_wheel(tmp_path):
    """Makes a wheel by its file name, with these files in it."""

    def make(name, *files):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as packed:
            for file in files:
                packed.writestr(file, b"")
        return path

    return make


def attempt(act, *given):
    """What it returns, and None; or None, and how it refused."""
    try:
        return act(*given), None
    except UsageError as refused:
        return None, refused
