"""Interpreters are found by exact version, and believed only after they were asked."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from agent import interpreters

BASE = sys._base_executable


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """No interpreter anywhere but what a test puts into ``tmp_path``."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def pretend(folder, version, minor, *, says=None, jit="no"):
    """A program that answers as an interpreter of this version would."""
    path = folder / f"bin/python{minor}"
    path.parent.mkdir(parents=True)
    answer = [version if says is None else says, jit, str(path)]
    path.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in answer))
    path.chmod(0o755)
    return str(path)


def test_the_running_interpreter_is_found_by_its_exact_version():
    found = interpreters.find(platform.python_version())
    assert found is not None
    asked = [found, "-I", "-c", "import platform; print(platform.python_version())"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == platform.python_version()


def test_in_a_virtual_environment_its_base_is_found():
    if sys.prefix == sys.base_prefix:
        pytest.skip("the tests do not run in a virtual environment")
    assert not interpreters.find(platform.python_version()).startswith(sys.prefix)


def test_a_link_is_followed_to_where_its_library_is(bare):
    real = Path(interpreters._identify(BASE)[2])
    link = bare / f"bin/python{interpreters._minor(platform.python_version())}"
    link.parent.mkdir()
    link.symlink_to(real)
    assert interpreters.find(platform.python_version()) == str(real)


@pytest.mark.usefixtures("bare")
def test_none_is_none():
    assert interpreters.find("3.13") is None


def test_a_patch_version_is_exact(bare):
    pretend(bare / "pyenv/versions/3.13.1", "3.13.1", "3.13")
    exact = pretend(bare / "pyenv/versions/3.13.0", "3.13.0", "3.13")
    assert interpreters.find("3.13.0") == exact
    assert interpreters.find("3.13.2") is None


def test_of_a_minor_version_the_newest_is_taken(bare):
    pretend(bare / "pyenv/versions/3.12.9", "3.12.9", "3.12")
    newest = pretend(bare / "pyenv/versions/3.12.10", "3.12.10", "3.12")
    assert interpreters.find("3.12") == newest


def test_3_1_is_not_3_13(bare):
    pretend(bare / "pyenv/versions/3.13.0", "3.13.0", "3.1")
    assert interpreters.find("3.1") is None


def test_a_shim_that_does_not_run_is_passed_over(bare):
    shim = bare / "bin/python3.13"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    managed = pretend(bare / "uv/cpython-3.13.0-linux", "3.13.0", "3.13")
    assert interpreters.find("3.13") == managed


def test_a_prerelease_another_implementation_or_a_build_without_the_gil_is_passed_over(bare):
    pretend(bare / "pyenv/versions/3.13.0t", "3.13.0", "3.13", says="")
    assert interpreters.find("3.13") is None


@pytest.mark.parametrize(
    ("built", "plain", "jit"),
    [("no", True, False), ("yes", False, True), ("yes-off", True, True)],
)
def test_a_jit_is_found_by_who_asks_for_it_and_met_by_nobody_else(bare, built, plain, jit):
    path = pretend(bare / "pyenv/versions/3.13.0-own", "3.13.0", "3.13", jit=built)
    assert interpreters.find("3.13") == (path if plain else None)
    for asked in ("3.13+jit", "3.13.0+jit-off"):
        assert interpreters.find(asked) == (path if jit else None)
    assert interpreters.find("3.13.1+jit") is None


def test_the_second_build_of_the_role_is_found_beside_the_first(bare):
    plain = pretend(bare, "3.13.5", "3.13")
    link = bare / "bin/python3.13-jit"
    link.symlink_to(pretend(bare / "opt", "3.13.5", "3.13", jit="yes"))
    assert interpreters.find("3.13") == plain
    assert interpreters.find("3.13+jit") == str(link.readlink())


def test_a_program_that_answers_something_else_is_passed_over(bare):
    path = pretend(bare / "pyenv/versions/3.13.0", "3.13.0", "3.13")
    Path(path).write_text("#!/bin/sh\necho 3.13.0\n")
    assert interpreters.find("3.13") is None


def test_the_interpreter_of_the_tests_says_how_it_was_built():
    version, jit, path = interpreters._identify(sys.executable)
    assert (version, jit in {"no", "yes-off"}) == (platform.python_version(), True)
    assert Path(path).is_file()


def test_the_hint_for_a_jit_says_how_it_is_built():
    assert "CPython 3.13 with --enable-experimental-jit" in interpreters.how_to_get("3.13+jit")


def test_the_hint_names_the_version():
    assert "CPython 3.13.0," in interpreters.how_to_get("3.13.0")
    assert "pyenv install 3.13.0`" in interpreters.how_to_get("3.13.0")


@pytest.mark.parametrize("own", [True, False])
def test_what_uv_keeps_for_its_user_is_found_too(bare, monkeypatch, own):
    if not own:
        monkeypatch.delenv("UV_PYTHON_INSTALL_DIR")
    kept = pretend(bare / "home/.local/share/uv/python/cpython-3.13.0-linux", "3.13.0", "3.13")
    assert interpreters.find("3.13") == kept
