"""The roles that install, on a Debian 13 without a service manager and without a network.

Everything comes from a bundle that playbooks/offline-bundle.yml made on a host with a network.
PostgreSQL really runs here, as the account that a run works as; that a run serves the cluster is
shown where there is ssh.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tarfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.host import filetree, packages, root
from tests.host.holding import holding

pytestmark = pytest.mark.tier("T3")
HERE = Path(__file__).parent
INSTALL, UNINSTALL, ONE_ROLE = (
    HERE / f"{name}.yml" for name in ("install", "uninstall", "one_role")
)
PROGRAMS = "/usr/lib/postgresql/16/bin"
CONFIGURATION = "/etc/postgresql/16/ormlab"
DATA = "/var/lib/postgresql/16/ormlab"


@pytest.fixture
def variables(pgdg):
    """As an inventory would have them."""
    return {
        "lab_sources": {"pgdg": pgdg},
        "lab_users": {
            "authorized_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI_test someone"],
            "commands": [r"/usr/bin/systemctl ^restart ormlab[a-z-]*\.slice$"],
        },
        "postgresql_bench": {"shared_buffers": 128},
    }


def as_user(host, user, *command):
    return host.run("runuser", "-u", user, "--", *command, check=False)


@contextlib.contextmanager
def served(host):
    """The cluster, served by the account that it belongs to; yields what runs SQL in it."""
    options = "-c listen_addresses= -c unix_socket_directories=/tmp"
    control = [f"{PROGRAMS}/pg_ctl", "-D", CONFIGURATION, "--silent", "--wait", "--log=/tmp/log"]
    assert as_user(host, "ormlab", *control, f"--options={options}", "start").returncode == 0

    def sql(statement, *, user="ormlab"):
        asked = ["psql", "-XAt", "-h", "/tmp", "-U", "ormlab", "-d", "postgres", "-c", statement]
        return as_user(host, user, *asked)

    try:
        yield sql
    finally:
        assert as_user(host, "ormlab", *control, "stop").returncode == 0
        host.run("rm", "/tmp/log")


def test_a_bundle_holds_what_its_lock_file_says(bundle):
    lock = json.loads((bundle / "lock.json").read_text())
    listed = {each["path"]: each for each in lock["artifacts"]}
    assert lock["release"] == root.SUITE
    with tarfile.open(bundle / "files.tar") as tar:
        files = {entry.name: tar.extractfile(entry).read() for entry in tar}
    assert files.keys() == listed.keys()
    names = {path.rsplit("/", 1)[1].split("_")[0] for path in files if path.endswith(".deb")}
    assert names >= {
        "libc6",
        "postgresql-16",
        "postgresql-common",
        "python3.13-venv",
        "sudo",
        "wrk",
    }
    for path, content in files.items():
        assert listed[path]["size"] == len(content)
        assert listed[path]["sha256"] == hashlib.sha256(content).hexdigest()
        assert unquote(listed[path]["url"]).endswith(path.split("/", 1)[1])


def test_install_with_cuts_twice_change_verify_and_remove(host, variables, bundle):
    variables["lab_sources"] |= {"from": "bundle", "bundle": str(bundle)}
    host.run("env", "SUDO_FORCE_REMOVE=yes", "dpkg", "--purge", "sudo")  # a minimal host has none
    before = filetree.snapshot(host.tree)
    each_role_is_cut_while_it_installs(host, variables, before)
    first = host.play(INSTALL, variables=variables)
    assert (first.rc, first.failed) == (0, []), first.output
    installed = filetree.snapshot(host.tree)

    second = host.play(INSTALL, variables=variables)
    assert (second.rc, second.changed) == (0, [])
    dry = host.play(INSTALL, "--check", "--diff", variables=variables)
    assert (dry.rc, dry.changed) == (0, [])
    assert filetree.difference(etc(installed), etc(filetree.snapshot(host.tree))) == []

    the_server_is_what_the_profile_says(host)
    the_control_user_may_do_what_is_named(host)
    another_patch_of_python_is_refused(host, variables)
    a_changed_value_is_in_force(host, variables)
    drift_is_found(host, variables)

    removed = host.play(UNINSTALL, variables=variables)
    assert removed.rc == 0, removed.output
    assert filetree.difference(before, filetree.snapshot(host.tree)) == []
    again = host.play(UNINSTALL, variables=variables)
    assert (again.rc, again.changed) == (0, [])


def each_role_is_cut_while_it_installs(host, variables, before):
    """By a lost connection, after which apt ends its work, and by a lost host, where it cannot."""
    with holding(host.tree) as hold:
        is_cut(host, variables, hold, "usr/bin/sudo", lost="host")
        is_cut(host, variables, hold, "usr/lib/python3.13/ensurepip", lost="connection")
        is_cut(host, variables, hold, f"{PROGRAMS[1:]}/postgres", lost="host")
    removed = host.play(UNINSTALL, variables=variables)
    assert removed.rc == 0, removed.output
    assert filetree.difference(before, filetree.snapshot(host.tree)) == []
    with holding(host.tree) as hold:
        is_cut(host, variables, hold, "usr/bin/wrk", lost="connection")


def is_cut(host, variables, hold, program, *, lost):
    hold.at(program)
    with host.begun(INSTALL, variables=variables) as play:
        hold.wait(play)
    if lost == "host":
        host.run("pkill", "--signal=KILL", "--exact", "apt-get|dpkg|hook")
    hold.release()


def entry(variables, point, role="postgresql_bench"):
    return {**variables, "role_under_test": role, "entry_point": point}


def etc(snapshot):
    return {path: what for path, what in snapshot.items() if path.startswith("etc/")}


def the_server_is_what_the_profile_says(host):
    wanted = {
        "data_checksums": "on",
        "shared_buffers": "128MB",
        "synchronous_commit": "on",
        "autovacuum": "off",
        "log_checkpoints": "on",
        "server_encoding": "UTF8",
        "server_version_num": "1600",
    }
    assert host.run("pgrep", "postgres", check=False).stdout == "", "it runs outside a run"
    with served(host) as sql:
        for name, value in wanted.items():
            shown = sql(f"SELECT current_setting('{name}')")
            assert shown.stdout.startswith(value), (name, shown.stdout, shown.stderr)
        assert sql("SELECT DISTINCT datcollate FROM pg_database").stdout == "C\n"
        assert sql("SELECT 1", user="ormlab-control").returncode != 0, "peer lets in another"


def the_control_user_may_do_what_is_named(host):
    def may(*command):
        asked = ["sudo", "--non-interactive", "--list", *command]
        return as_user(host, "ormlab-control", *asked).returncode == 0

    assert may("--user=ormlab", "/bin/sh")
    assert may("systemctl", "restart", "ormlab.slice")
    assert not may("systemctl", "restart", "ormlab.slice", "ssh.service")
    assert not may("systemctl", "restart", "ssh.service")
    assert not may("/bin/sh")


def another_patch_of_python_is_refused(host, variables):
    other = {"role_under_test": "python_runtime", "python_runtime": {"version": "3.13.0"}}
    played = host.play(ONE_ROLE, variables={**variables, **other})
    assert "CPython 3.13.5" in played.failed[0]


def a_changed_value_is_in_force(host, variables):
    changed = {**variables["postgresql_bench"], "profile": "cpu_bound", "shared_buffers": 144}
    role = entry(variables, "main")
    played = host.play(ONE_ROLE, variables={**role, "postgresql_bench": changed})
    assert played.changed == ["postgresql_bench : Write the settings"], played.output
    with served(host) as sql:
        shown = [sql(f"SHOW {name}").stdout.strip() for name in ("shared_buffers", "fsync")]
        assert shown == ["144MB", "on"]
        assert sql("SHOW synchronous_commit").stdout == "off\n"
        # Nobody may provision a host on which a run serves the cluster.
        busy = host.play(ONE_ROLE, variables=role)
        assert "is a run in progress?" in busy.failed[0]
    assert host.play(ONE_ROLE, variables=role).rc == 0


def drift_is_found(host, variables):
    with served(host) as sql:
        sql("ALTER SYSTEM SET fsync = off")
    played = host.play(ONE_ROLE, variables=entry(variables, "verify"))
    assert played.rc != 0
    assert "fsync = off where on is wanted" in played.failed[0]
    (host.tree / f"{DATA[1:]}/postgresql.auto.conf").write_text("")
    assert host.play(HERE / "verify.yml", variables=variables).rc == 0


def test_a_key_with_another_fingerprint_is_refused(host, variables):
    variables["lab_sources"]["pgdg"]["fingerprint"] = "0" * 40
    before = filetree.snapshot(host.tree)
    played = host.play(INSTALL, variables=variables)
    assert packages.repository().fingerprint in played.failed[0]
    assert filetree.difference(before, filetree.snapshot(host.tree)) == []


def test_a_repository_signed_with_another_key_is_refused_and_with_its_own_read(
    host, variables, bundle
):
    own = variables["lab_sources"]["pgdg"]
    variables["lab_sources"] |= {"from": "bundle", "bundle": str(bundle)}
    variables["lab_sources"]["pgdg"] = {"uri": own["uri"]}
    played = host.play(INSTALL, variables=variables)
    assert played.rc != 0
    assert "is not signed" in played.output
    assert not (host.tree / "usr/lib/postgresql").exists()
    # The list of sources stays as it is, and apt still lacks what is in it.
    variables["lab_sources"]["pgdg"] = own
    again = host.play(ONE_ROLE, variables=entry(variables, "main", "lab_sources"))
    assert again.rc == 0, again.output
    assert "lab_sources : Write the sources" not in again.changed
    assert "lab_sources : Read the package lists" in again.changed


def test_a_bundle_with_one_other_byte_is_refused(host, variables, bundle, tmp_path):
    for name in ("lock.json", "files.tar"):
        shutil.copy(bundle / name, tmp_path)
    with (tmp_path / "files.tar").open("r+b") as tar:
        tar.seek(-50_000, 2)  # inside the last package
        byte = tar.read(1)
        tar.seek(-1, 1)
        tar.write(bytes([byte[0] ^ 1]))
    variables["lab_sources"] |= {"from": "bundle", "bundle": str(tmp_path)}
    played = host.play(INSTALL, variables=variables)
    assert "lock.json" in played.failed[0]
    assert "FAILED" in played.failed[0]
    assert not (host.tree / "etc/apt/sources.list.d/ormlab.sources").exists()


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        ("loadgen", {"from": "source", "source": {"url": "file:///srv/source.tar"}}),
        ("python_runtime", {"from": "source", "source": {"url": "file:///srv/source.tar"}}),
    ],
)
def test_a_tarball_with_another_digest_is_not_even_unpacked(host, variables, role, wanted):
    (host.tree / "srv/source.tar").write_bytes(b"not what was pinned")
    played = host.play(ONE_ROLE, variables={**variables, role: wanted, "role_under_test": role})
    assert "checksum" in played.failed[0]
    assert all("Make a folder" in task for task in played.changed)
    assert not list(host.tree.glob("opt/ormlab/*/*/*.tar*"))


def test_a_host_with_another_cluster_is_refused(host, variables):
    (host.tree / "etc/postgresql/16/main").mkdir(parents=True)
    played = host.play(ONE_ROLE, variables=entry(variables, "main"))
    assert "16/main" in played.failed[0]
    assert not (host.tree / "usr/lib/postgresql").exists()


@pytest.mark.parametrize(
    ("role", "wrong", "said"),
    [
        ("lab_sources", {"bundel": "/x"}, "bundel"),
        ("lab_users", {"comands": []}, "comands"),
        ("loadgen", {"from": "internet"}, "internet"),
        ("postgresql_bench", {"share_buffers": 1}, "share_buffers"),
        ("postgresql_bench", {"settings": {"fsync": "off"}}, "fsync"),
        ("postgresql_bench", {"settings": {"port": 5432}}, "port"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(
    host, variables, role, wrong, said
):
    before = filetree.snapshot(host.tree)
    played = host.play(ONE_ROLE, variables={**variables, role: wrong, "role_under_test": role})
    assert said in played.failed[0]
    assert played.changed == []
    assert filetree.difference(before, filetree.snapshot(host.tree)) == []
