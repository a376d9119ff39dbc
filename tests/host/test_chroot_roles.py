"""The roles that install, on a Debian 13 without a service manager and without a network.

Everything comes from a bundle that playbooks/offline-bundle.yml made on a host with a network.
PostgreSQL really runs here, started by pg_ctlcluster. That systemd starts it at boot is shown
where systemd runs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.host import filetree, packages, root

pytestmark = pytest.mark.tier("T3")
HERE = Path(__file__).parent
INSTALL, UNINSTALL, ONE_ROLE = (
    HERE / f"{name}.yml" for name in ("install", "uninstall", "one_role")
)
PORT = "15432"


@pytest.fixture
def variables(pgdg):
    """As an inventory would have them."""
    return {
        "lab_sources": {"pgdg": pgdg},
        "lab_users": {"authorized_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI_test someone"]},
        "postgresql_bench": {
            "shared_buffers": 128,
            "listen": ["127.0.0.1"],
            "clients": ["127.0.0.1/32"],
        },
    }


def as_user(host, user, *command):
    return host.run("runuser", "-u", user, "--", *command, check=False)


def sql(host, statement, *, user="ormlab", where="/var/run/postgresql"):
    connection = ["-h", where, "-p", PORT, "-U", "ormlab", "-d", "ormlab"]
    return as_user(host, user, "psql", "-XAt", "--no-password", *connection, "-c", statement)


def test_a_bundle_holds_what_its_lock_file_says(bundle):
    lock = json.loads((bundle / "lock.json").read_text())
    listed = {each["path"]: each for each in lock["artifacts"]}
    assert lock["release"] == root.SUITE
    with tarfile.open(bundle / "files.tar") as tar:
        files = {entry.name: tar.extractfile(entry).read() for entry in tar}
    assert files.keys() == listed.keys()
    names = {path.rsplit("/", 1)[1].split("_")[0] for path in files if path.endswith(".deb")}
    assert names >= {"libc6", "postgresql-16", "postgresql-common", "python3.13-venv", "wrk"}
    for path, content in files.items():
        assert listed[path]["size"] == len(content)
        assert listed[path]["sha256"] == hashlib.sha256(content).hexdigest()
        assert unquote(listed[path]["url"]).endswith(path.split("/", 1)[1])


def test_install_twice_change_verify_and_remove(host, variables, bundle):
    variables["lab_sources"] |= {"from": "bundle", "bundle": str(bundle)}
    before = filetree.snapshot(host.tree)
    first = host.play(INSTALL, variables=variables)
    assert (first.rc, first.failed) == (0, []), first.output
    installed = filetree.snapshot(host.tree)

    second = host.play(INSTALL, variables=variables)
    assert (second.rc, second.changed) == (0, [])
    dry = host.play(INSTALL, "--check", "--diff", variables=variables)
    assert (dry.rc, dry.changed) == (0, [])
    assert filetree.difference(etc(installed), etc(filetree.snapshot(host.tree))) == []

    the_server_is_what_the_profile_says(host)
    only_those_who_are_named_come_in(host)
    handed_on = host.play(ONE_ROLE, "-vvv", variables=entry(variables, "client"))
    assert (handed_on.rc, handed_on.changed) == (0, [])
    the_password_is_in_one_file_alone(
        host, [first.output, second.output, dry.output, handed_on.output]
    )
    the_control_user_may_do_what_is_named(host)
    another_patch_of_python_is_refused(host, variables)
    a_changed_value_is_in_force(host, variables)
    untuned_it_cleans_up_by_itself(host, variables)
    drift_is_found(host, variables)

    removed = host.play(UNINSTALL, variables=variables)
    assert removed.rc == 0, removed.output
    assert filetree.difference(before, filetree.snapshot(host.tree)) == []
    again = host.play(UNINSTALL, variables=variables)
    assert (again.rc, again.changed) == (0, [])


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
    for name, value in wanted.items():
        shown = sql(host, f"SHOW {name}")
        assert shown.stdout.startswith(value), (name, shown.stdout, shown.stderr)


def only_those_who_are_named_come_in(host):
    assert sql(host, "SELECT 1", user="root").returncode != 0, "peer lets in who is not named"
    assert "no password supplied" in sql(host, "SELECT 1", where="127.0.0.1").stderr
    elsewhere = host.run("ss", "-Hltn", f"sport = :{PORT}").stdout.split()
    assert elsewhere[3] == f"127.0.0.1:{PORT}"
    assert elsewhere.count(f"127.0.0.1:{PORT}") == 1
    passfile = "PGPASSFILE=/etc/ormlab/pgpass"
    connection = ["-h", "127.0.0.1", "-p", PORT, "-U", "ormlab", "-d", "ormlab"]
    with_it = host.run("env", passfile, "psql", "-XAtw", *connection, "-c", "SELECT current_user")
    assert with_it.stdout == "ormlab\n"
    kept = as_user(
        host,
        "postgres",
        "psql",
        "-XAt",
        "-p",
        PORT,
        "-h",
        "/var/run/postgresql",
        "-c",
        "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = 'ormlab'",
    )
    assert kept.stdout == "SCRAM-SHA-256$\n"


def the_password_is_in_one_file_alone(host, outputs):
    passfile = host.tree / "etc/ormlab/pgpass"
    assert passfile.stat().st_mode & 0o777 == 0o600
    password = passfile.read_text().strip().rsplit(":", 1)[1]
    assert len(password) > 40
    assert not any(password in output for output in outputs)
    found = host.run(
        "grep",
        "-rlF",
        password,
        "/etc",
        "/var",
        "/home",
        "/srv",
        "/root",
        "/tmp",
        "/opt",
        check=False,
    )
    assert found.stdout.split() == ["/etc/ormlab/pgpass"]


def the_control_user_may_do_what_is_named(host):
    def may(*command):
        asked = ["sudo", "--non-interactive", "--list", *command]
        return as_user(host, "ormlab-control", *asked).returncode == 0

    assert may("systemctl", "restart", "ormlab-app.service")
    assert may("pg_ctlcluster", "16", "ormlab", "restart")
    assert may("--user=ormlab", "/bin/sh")
    assert not may("systemctl", "restart", "ormlab-app.service", "ssh.service")
    assert not may("systemctl", "restart", "ssh.service")
    assert not may("/bin/sh")


def another_patch_of_python_is_refused(host, variables):
    other = {"role_under_test": "python_runtime", "python_runtime": {"version": "3.13.0"}}
    played = host.play(ONE_ROLE, variables={**variables, **other})
    assert "CPython 3.13.5" in played.failed[0]


def a_changed_value_is_in_force(host, variables):
    changed = {**variables["postgresql_bench"], "profile": "cpu_bound", "shared_buffers": 144}
    played = host.play(INSTALL, variables={**variables, "postgresql_bench": changed})
    assert played.changed == [
        "postgresql_bench : Write settings and who may connect",
        "postgresql_bench : Restart the cluster",
    ]
    shown = [sql(host, f"SHOW {name}").stdout.strip() for name in ("shared_buffers", "fsync")]
    assert shown == ["144MB", "on"]
    assert sql(host, "SHOW synchronous_commit").stdout == "off\n"


def untuned_it_cleans_up_by_itself(host, variables):
    assert host.play(ONE_ROLE, variables=entry(variables, "untune")).rc == 0
    assert sql(host, "SHOW autovacuum").stdout == "on\n"
    assert host.play(INSTALL, variables=variables).rc == 0
    assert sql(host, "SHOW autovacuum").stdout == "off\n"


def drift_is_found(host, variables):
    superuser = ["psql", "-XAt", "-p", PORT, "-h", "/var/run/postgresql"]
    as_user(host, "postgres", *superuser, "-c", "ALTER SYSTEM SET fsync = off")
    as_user(host, "postgres", *superuser, "-c", "SELECT pg_reload_conf()")
    verify = HERE / "verify.yml"
    played = host.play(verify, variables=variables)
    assert played.rc != 0
    assert "set elsewhere: fsync" in played.failed[0]
    as_user(host, "postgres", *superuser, "-c", "ALTER SYSTEM RESET ALL")
    as_user(host, "postgres", *superuser, "-c", "SELECT pg_reload_conf()")
    assert host.play(verify, variables=variables).rc == 0


def test_a_key_with_another_fingerprint_is_refused(host, variables):
    variables["lab_sources"]["pgdg"]["fingerprint"] = "0" * 40
    before = filetree.snapshot(host.tree)
    played = host.play(INSTALL, variables=variables)
    assert packages.repository().fingerprint in played.failed[0]
    assert filetree.difference(before, filetree.snapshot(host.tree)) == []


def test_a_repository_signed_with_another_key_is_refused(host, variables):
    del variables["lab_sources"]["pgdg"]["key"], variables["lab_sources"]["pgdg"]["fingerprint"]
    played = host.play(INSTALL, variables=variables)
    assert played.rc != 0
    assert "is not signed" in played.output
    assert not (host.tree / "usr/lib/postgresql").exists()


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
        ("postgresql_bench", {"clients": ["127.0.0.1/32"], "listen": []}, "listen"),
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
