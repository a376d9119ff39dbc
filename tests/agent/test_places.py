"""Users, umasks and folders in which PostgreSQL cannot run as it must: said before work begins."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent import __main__ as agent
from agent import interpreters, owner, reach
from ormlab import cli
from ormlab.base.errors import ProvisioningError
from ormlab.hosts import connected
from ormlab.hosts.inventory import HostSpec
from ormlab.hosts.inventory.variables import Variables
from ormlab.run.measure import site
from ormlab.run.measure.deployment import Deployment
from tests.conftest import CHECKOUT

NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def as_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def as_other(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.fixture
def umask():
    """Sets the umask, and puts back what it was."""
    before = os.umask(0o022)
    os.umask(before)
    yield os.umask
    os.umask(before)


def opened(folder):
    """A folder whose path anybody may traverse, below one that pytest keeps to itself."""
    folder.mkdir(parents=True)
    for each in (folder, *folder.parents):
        if each == Path("/tmp"):
            break
        each.chmod(0o755)
    return folder


def users(tmp_path, lines):
    """A /proc whose user namespace has these users."""
    file = tmp_path / "proc/self/uid_map"
    file.parent.mkdir(parents=True)
    file.write_text(lines)
    return tmp_path


@pytest.mark.usefixtures("as_root")
def test_the_outermost_folder_that_is_closed_is_named(tmp_path):
    folder = opened(tmp_path / "closed/inner/deep")
    (tmp_path / "closed").chmod(0o750)
    (tmp_path / "closed/inner").chmod(0o700)
    found = reach.obstacle(folder / "not/yet/there")
    assert (found.code, found.where) == ("database-folder", str(tmp_path / "closed"))
    assert "nobody, who cannot enter" in found.what


@pytest.mark.usefixtures("as_root")
def test_a_link_leads_where_it_leads(tmp_path):
    opened(tmp_path / "open")
    closed = opened(tmp_path / "closed")
    (tmp_path / "open/link").symlink_to(closed)
    assert reach.obstacle(tmp_path / "open/link") is None
    closed.chmod(0o700)
    assert reach.obstacle(tmp_path / "open/link").where == str(closed)


@pytest.mark.usefixtures("as_root")
def test_a_user_namespace_of_root_alone_is_named(tmp_path):
    root = users(tmp_path, "         0       1000          1\n")
    found = reach.obstacle(root=root)
    assert found.code == "database-user"
    assert "user namespace" in found.what
    (root / "proc/self/uid_map").write_text(f"0 1000 1\n1 100000 {NOBODY}\n")
    assert reach.obstacle(root=root) is None


@pytest.mark.usefixtures("as_root")
def test_a_machine_without_nobody_is_named(monkeypatch):
    def missing(name):
        raise KeyError(name)

    monkeypatch.setattr(pwd, "getpwnam", missing)
    assert reach.obstacle().where == "/etc/passwd"


@pytest.mark.usefixtures("as_other")
def test_who_is_not_root_runs_postgres_itself(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert reach.obstacle(closed) is None


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("asked", [0o000, 0o022, 0o077, 0o027])
def test_root_makes_what_nobody_can_read_and_only_root_writes(umask, asked):
    umask(asked)
    reach.let_others_read()
    assert umask(0) == 0o022


@pytest.mark.usefixtures("as_other")
@pytest.mark.parametrize(("asked", "kept"), [(0o000, 0o022), (0o077, 0o077), (0o027, 0o027)])
def test_others_keep_their_umask_but_nobody_else_writes(umask, asked, kept):
    umask(asked)
    reach.let_others_read()
    assert umask(0) == kept


@pytest.mark.usefixtures("as_root")
def test_the_agent_and_the_command_line_begin_with_that(umask, monkeypatch, capsys):
    umask(0o077)
    assert agent.main(["obstacle"]) == 0
    assert umask(0o077) == 0o022
    assert json.loads(capsys.readouterr().out) == []
    monkeypatch.setattr(sys, "argv", ["ormlab", "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    assert umask(0o022) == 0o022


def test_a_user_without_an_entry_in_passwd_and_without_a_home(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    for name in ("HOME", "USER", "LOGNAME", "SUDO_USER", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert owner.collect().homes == ["", ""]
    assert interpreters.find("9.99") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user for postgres")
def test_make_demo_says_so_before_it_makes_anything(tmp_path):
    tmp_path.chmod(0o700)
    for name in ("Makefile", "bootstrap.py", ".python-version"):
        shutil.copy(CHECKOUT / name, tmp_path)
    shutil.copytree(CHECKOUT / "agent", tmp_path / "agent")
    before = sorted(path.name for path in tmp_path.iterdir())
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["make", "demo", f"PYTHON={sys.executable}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "postgres must run as nobody, who cannot enter" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user for postgres")
def test_a_run_says_so_before_it_makes_a_stack(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    spec = HostSpec(
        name="localhost",
        local=True,
        address="127.0.0.1",
        root=str(closed),
        known_hosts=str(tmp_path / "known_hosts"),
        variables=Variables(),
    )
    with connected([spec]) as hosts:
        deployment = Deployment(
            hosts["localhost"],
            code=str(CHECKOUT),
            python=sys.executable,
            uv="",
            cache="",
            postgres=str(closed),
        )
        with pytest.raises(ProvisioningError) as refused:
            site.require_database_user(deployment, ("postgresql",))
    assert (refused.value.code, refused.value.exit_code) == ("database-folder", 7)
