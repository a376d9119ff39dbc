"""Real programs whose own variables and configuration files would lead them astray."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest
import yaml

import bootstrap
from host.environment import environment, passed
from ormlab.base import checkout, source
from ormlab.base.errors import ProvisioningError
from ormlab.hosts import connected, inventory
from ormlab.hosts.inventory.variables import Secret
from ormlab.provision import playbook
from tests.conftest import CHECKOUT
from tests.environment.test_table import HOSTILE
from tests.run.small import write_inventory

WARLIKE = HOSTILE | {
    "ANSIBLE_INVENTORY_ENABLED": "none",
    "ANSIBLE_STDOUT_CALLBACK": "nonexistent",
    "GIT_INDEX_FILE": "/nowhere",
    "GIT_WORK_TREE": "/nowhere",
    "PGDATABASE": "nowhere",
    "PGHOST": "/nowhere",
    "PGSERVICE": "nowhere",
    "http_proxy": "http://127.0.0.1:9",
}


@pytest.fixture
def warlike(monkeypatch):
    def wage(*names):
        for name in names or WARLIKE:
            monkeypatch.setenv(name, WARLIKE[name])

    return wage


@pytest.fixture
def here(tmp_path):
    """An inventory of this machine alone."""
    return write_inventory(tmp_path / "inventory.yml", tmp_path / "lab")


def test_psql_reaches_the_server_it_was_told(psql, warlike):
    warlike()
    assert psql.run("show statement_timeout; select current_database()") == "0\npostgres"


def test_git_says_which_commit_this_checkout_has(warlike):
    clean = source.read(CHECKOUT)
    warlike()
    assert source.read(CHECKOUT) == clean


@pytest.mark.parametrize("locale", ["C", "tr_TR.UTF-8", ""])
def test_ansible_reads_an_inventory_whatever_the_locale(here, warlike, monkeypatch, locale):
    warlike()
    monkeypatch.setenv("LC_ALL", locale)
    assert inventory.load(here).app.local


def test_a_shell_on_a_host_hands_on_what_is_let_through(here, warlike):
    warlike()
    found = inventory.load(here)
    with connected(found.hosts) as hosts:
        (host,) = hosts.values()
        names = {line.partition("=")[0] for line in host.run("env").splitlines()}
        more = dict(
            line.partition("=")[::2] for line in host.run("env", program="installer").splitlines()
        )
    assert names == {"HOME", "LC_ALL", "PATH", "TZ"} | names & {"TMPDIR"}
    assert more["http_proxy"] == WARLIKE["http_proxy"]
    assert more["UV_NO_CONFIG"] == "1"
    assert more["PIP_USER"] == "0"


def test_a_playbook_runs_without_the_callers_variables(here, warlike, tmp_path):
    task = {"name": "Say", "ansible.builtin.shell": f"env -0 > {tmp_path}/said"}
    play = [{"name": "Say", "hosts": "bench", "gather_facts": False, "tasks": [task]}]
    (tmp_path / "say.yml").write_text(yaml.safe_dump(play))
    warlike()
    quiet = SimpleNamespace(stage=lambda _: None, began=lambda _: None, ended=lambda _: None)
    played = playbook.play("say", inventory.bench(here), quiet, folder=tmp_path)
    assert not played.failed
    said = dict(
        each.partition("=")[::2] for each in (tmp_path / "said").read_text().split("\0") if each
    )
    reached = {name for name, value in WARLIKE.items() if said.get(name) == value}
    assert reached <= set(passed("ansible"))


@pytest.fixture
def uv():
    if not bootstrap.UV.exists():
        pytest.skip("bootstrap.py has not installed uv")
    return bootstrap.UV


def test_uv_reads_no_configuration_of_its_user(uv, tmp_path, monkeypatch):
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv/uv.toml").write_text("exclude-newer = 'no day'\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    asked = [uv, "pip", "list", "--quiet", "--python", checkout.UV.with_name("python")]
    assert subprocess.run(asked, cwd=tmp_path, capture_output=True, check=False).returncode != 0
    bootstrap._run("asking", asked, bootstrap._contained())


def test_a_mirror_that_only_uvs_configuration_names_is_used(uv, tmp_path, monkeypatch):
    index = tmp_path / "index"
    (index / "lab-probe").mkdir(parents=True)
    (index / "lab-probe/index.html").write_text("<!doctype html><title>none</title>")
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv/uv.toml").write_text(
        f'exclude-newer = "2000-01-01"\n[[index]]\nurl = "{index.as_uri()}"\ndefault = true\n'
    )
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    asked = [uv, "pip", "install", "--dry-run", "--python", checkout.UV.with_name("python")]
    told = subprocess.run(
        [*asked, "lab-probe"],
        env=environment("installer"),
        capture_output=True,
        text=True,
        check=False,
    )
    # Found there, without a single file; elsewhere there is no such project.
    assert "there are no versions of lab-probe" in told.stderr, told.stderr


def test_pip_installs_for_nobody_else(uv, monkeypatch):
    monkeypatch.setenv("PIP_USER", "1")
    pip = [uv.with_name("python"), "-m", "pip", "install", "-qq", "--no-index", "pip"]
    assert subprocess.run(pip, capture_output=True, check=False).returncode != 0
    bootstrap._run("asking", pip, bootstrap._contained())


def test_make_asks_no_python_that_reads_the_callers_variables():
    told = subprocess.run(
        ["make", "-n", "-B", "demo", "lock"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode != 0:
        pytest.skip("there is no make here")
    lines = [line for line in told.stdout.splitlines() if "bootstrap.py" in line]
    assert lines
    assert all(" -E bootstrap.py" in line for line in lines)
    locking = [
        line for line in told.stdout.replace("\\\n", "").splitlines() if "pip compile" in line
    ]
    assert len(locking) > 1
    assert all(" -E -m host installer" in line for line in locking)


def test_another_account_of_a_host_hands_on_no_more(here, tmp_path, monkeypatch):
    """The stand-in for sudo sets variables of its own, as sudo and PAM do."""
    (tmp_path / "bin").mkdir()
    sudo = tmp_path / "bin/sudo"
    sudo.write_text(
        '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\n'
        'exec env HOME=/there LD_LIBRARY_PATH=/x SUDO_USER=somebody "$@"\n'
    )
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    found = inventory.load(here).app
    of_the_lab = msgspec.structs.replace(found.variables, lab_user="lab")
    with connected([replace(found, variables=of_the_lab)]) as hosts:
        (host,) = hosts.values()
        said = dict(line.partition("=")[::2] for line in host.run("env").splitlines())
        host.put_secret("it is\n", f"{tmp_path}/secret")
    assert said.keys() == {"HOME", "LC_ALL", "PATH", "TZ"} | (said.keys() & {"TMPDIR"})
    assert said["HOME"] == "/there"
    assert (tmp_path / "secret").read_text() == "it is\n"


# Refuses a wrong password; under a rule NOPASSWD it reads none.
SUDO = """#!/bin/sh
[ "$1" = --non-interactive ] && { echo "sudo: a password is required" >&2; exit 1; }
if [ "$ASKS" = yes ]
then
    IFS= read -r said
    [ "$said" = "open sesame" ] || { echo "sudo: 1 incorrect password attempt" >&2; exit 1; }
fi
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""


@pytest.fixture
def sudo(here, tmp_path, monkeypatch):
    """Connect to this machine as a login user whose sudo asks for a password, or not."""
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin/sudo"
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    found = inventory.load(here).app

    @contextmanager
    def connect(password, *, asks=True):
        path.write_text(SUDO.replace("$ASKS", "yes" if asks else "no"))
        path.chmod(0o755)
        secret = Secret(password) if password else None
        given = msgspec.structs.replace(found.variables, lab_user="lab", sudo_password=secret)
        with connected([replace(found, variables=given)]) as hosts:
            yield next(iter(hosts.values()))

    return connect


@pytest.mark.parametrize("asks", [True, False])
def test_a_password_reaches_sudo_and_nobody_else(sudo, asks, tmp_path):
    with sudo("open sesame", asks=asks) as host:
        assert host.run("cat") == ""
        assert host.run("sh", "-c", "echo $0 $1", "a b", "c") == "a b c"
        host.put_secret("the secret\n", f"{tmp_path}/secret")
        begun = host.begin("sh", "-c", "echo ready; cat >&2")
        assert begun.line == "ready"
        begun.send(b"hello")
        assert begun.end().errors == "hello"
    assert (tmp_path / "secret").read_text() == "the secret\n"


@pytest.mark.parametrize("password", [None, "wrong"])
def test_without_the_password_the_variable_is_named_and_nobody_is_asked(sudo, password):
    with sudo(password) as host, pytest.raises(ProvisioningError) as refused:
        host.run("true")
    assert refused.value.code == "sudo-refused"
    assert "ansible_become_password" in refused.value.hint
