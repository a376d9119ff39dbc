"""What the table of environments lets through, and what nobody can get past it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import get_args

import pytest

from host import environment
from host.environment import MEASURED, PROGRAMS, Program, confined, recorded, shell
from tests.conftest import CHECKOUT

MINIMUM = {"HOME", "LC_ALL", "PATH", "TMPDIR", "TZ"}
HOSTILE = {
    "AIOHTTP_NO_EXTENSIONS": "1",
    "ANSIBLE_CONFIG": "/nowhere",
    "CFLAGS": "-O0",
    "GIT_DIR": "/nowhere",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "LD_LIBRARY_PATH": "/nowhere",
    "LD_PRELOAD": "nonexistent",
    "MALLOC_ARENA_MAX": "1",
    "PGOPTIONS": "-c statement_timeout=1",
    "PGPASSWORD": "x",
    "PGSSLMODE": "require",
    "PIP_TARGET": "/nowhere",
    "PIP_USER": "1",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONMALLOC": "malloc",
    "PYTHONOPTIMIZE": "2",
    "PYTHONPATH": "/nowhere",
    "PYTHONSTARTUP": "/nowhere",
    "TZ": "Asia/Kathmandu",
    "UV_CONFIG_FILE": "/nowhere",
    "UV_EXCLUDE_NEWER": "2000-01-01",
    "UV_NO_CONFIG": "0",
}
every_program = pytest.mark.parametrize("program", PROGRAMS)


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch, tmp_path):
    """A user whose uv has no configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))


@pytest.fixture
def hostile(monkeypatch):
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)


def test_the_table_names_every_kind_of_program():
    assert set(get_args(Program)) == set(PROGRAMS)


@every_program
@pytest.mark.usefixtures("hostile")
def test_no_hostile_variable_reaches_a_program(program):
    made = environment.environment(program)
    assert {name for name, value in HOSTILE.items() if made.get(name) == value} == set()
    assert made.keys() <= {*environment.passed(program), *environment.fixed(program)}


@pytest.mark.parametrize("program", MEASURED)
def test_what_is_measured_gets_the_minimum(program, monkeypatch):
    for names in (environment.passed(each) for each in PROGRAMS):
        for name in names:
            monkeypatch.setenv(name, os.environ.get(name, "set"))
    assert environment.environment(program).keys() == MINIMUM


@pytest.mark.usefixtures("hostile")
def test_what_the_lab_gives_one_program_wins():
    made = environment.environment("installer", {"UV_PYTHON_DOWNLOADS": "never", "TZ": "UTC+1"})
    assert (made["UV_PYTHON_DOWNLOADS"], made["TZ"]) == ("never", "UTC+1")


def test_a_caller_without_a_path_gets_one(monkeypatch):
    monkeypatch.delenv("PATH")
    assert "/usr/bin" in environment.environment("tool")["PATH"].split(":")


@every_program
@pytest.mark.usefixtures("hostile")
def test_a_shell_makes_the_same_environment(program, monkeypatch):
    for name in environment.passed(program):
        monkeypatch.setenv(name, "$(false) `x` 'a' \"b\" \\ *\tä" if name != "PATH" else "/bin")
    command = f"exec {shell(program)} env -0"
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    made = dict(each.split("=", 1) for each in said.split("\0") if each)
    assert made == environment.environment(program)


@pytest.mark.parametrize("unset", ["HOME", "PATH"])
def test_a_shell_that_has_a_variable_not_makes_none_up(unset, monkeypatch):
    monkeypatch.delenv(unset)
    command = f"exec {shell('tool')} /usr/bin/env"
    said = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=True
    ).stdout
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert names == environment.environment("tool").keys()


@pytest.mark.usefixtures("hostile")
def test_a_library_that_copies_all_variables_copies_few():
    before = dict(os.environ)
    made = environment.environment("ansible", {"ANSIBLE_HOME": "/x"})
    with confined("ansible", {"ANSIBLE_HOME": "/x"}):
        assert dict(os.environ) == made
    assert dict(os.environ) == before
    with pytest.raises(KeyError), confined("ansible"):
        os.environ["LD_PRELOAD"]
    assert dict(os.environ) == before


def test_a_run_records_neither_the_home_folder_nor_a_credential(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("PATH", "/home/somebody/bin:/home/somebody2/bin:/home/somebody:/bin")
    monkeypatch.setenv("TMPDIR", "/net/http://me:secret@there/tmp")
    service = recorded()["service"]
    assert service["HOME"] == "~"
    assert service["PATH"] == "~/bin:/home/somebody2/bin:~:/bin"
    assert "secret" not in service["TMPDIR"]


@pytest.mark.usefixtures("hostile")
def test_a_makefile_can_have_the_environment_too():
    def run(*arguments):
        argv = [sys.executable, "-E", "-m", "host", *arguments]
        return subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    told = run("installer", "env")
    names = {line.partition("=")[0] for line in told.stdout.splitlines()}
    assert names == environment.environment("installer").keys()
    assert run("nobody", "env").returncode == 2
    assert run("tool").returncode == 2
    missing = run("tool", "no-such-program")
    assert missing.returncode == 127
    assert missing.stderr.endswith("ormlab: no-such-program: No such file or directory\n")


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12"])
def test_an_older_python_can_make_it(version):
    python = shutil.which(f"python{version}")
    code = "from host.environment import environment; print(environment('tool')['TZ'])"
    told = python and subprocess.run(
        [python, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if not told or "pyenv" in told.stderr:
        pytest.skip(f"there is no CPython {version} here")
    assert told.stdout == "UTC\n", told.stderr
