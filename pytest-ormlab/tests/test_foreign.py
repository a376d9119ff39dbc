"""The built wheel in a project that has nothing of the lab."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

FOREIGN = Path(__file__).parent / "foreign"
PLUGIN = Path(__file__).parents[1]
SHARED = ("__init__.py", "frames.py", "relay.py")


def test_what_is_tested_here_was_installed_from_a_wheel_alone():
    installed = distribution("pytest-ormlab")
    files = {str(file) for file in installed.files or ()}
    assert {f"pytest_ormlab/wire/{name}" for name in SHARED} <= files
    assert Path(find_spec("pytest_ormlab").origin).is_relative_to(sys.prefix)
    assert [find_spec(name) for name in ("ormlab", "workloads", "analysis")] == [None] * 3
    assert installed.requires == ["pytest>=8"]


@pytest.mark.parametrize("arguments", [[], ["-n2"]], ids=["alone", "xdist"])
def test_a_project_of_all_drivers(server, tmp_path, arguments):
    books = shutil.copytree(FOREIGN, tmp_path / "books")
    under_anyio = (books / "test_anyio.py").read_text()
    under_asyncio = under_anyio.replace("pytest.mark.anyio", "pytest.mark.asyncio")
    (books / "test_asyncio.py").write_text(under_asyncio)
    told = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"),
            f"--ormlab-server={server.url}",
            *arguments,
        ],
        cwd=books,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "17 passed" in told.stdout
    assert "= comparisons (pytest-ormlab) =" in told.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The source archive and the wheel, each built in the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    _build(PLUGIN, folder)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def _build(source, target, *kinds):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", target, *kinds],
        cwd=source,
        check=True,
        capture_output=True,
    )


def test_the_source_archive_builds_the_same_wheel(archives, tmp_path):
    source, wheel = archives
    with tarfile.open(source) as archive:
        assert not [member.name for member in archive if member.issym()]
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    _build(unpacked, tmp_path, "-t", "wheel")
    assert next(tmp_path.glob("*.whl")).read_bytes() == wheel.read_bytes()


def test_the_wheel_has_types_licence_and_nothing_else(archives):
    with zipfile.ZipFile(archives[1]) as wheel:
        names = wheel.namelist()
    assert "pytest_ormlab/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"pytest_ormlab"}
