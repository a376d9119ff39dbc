from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from agent.databases.postgresql.cluster import Cluster, settings
from agent.failure import Failure
from tests.conftest import free_port

SMALL = settings(2**30)


@pytest.fixture
def own_cluster(lab_folder, postgres_binaries, request):
    cluster = Cluster(lab_folder / request.node.name, postgres_binaries, free_port())
    with cluster.lock():
        cluster.ensure_initialised()
    return cluster


def test_the_server_is_a_postgresql_16_on_loopback_only(psql):
    assert psql.run("show server_version").startswith("16.")
    assert psql.run("show listen_addresses") == "127.0.0.1"
    assert psql.run("show unix_socket_directories") == ""
    assert psql.run("show data_checksums") == "on"
    assert psql.run("show fsync") == "on"


def test_the_password_is_needed_and_nobody_else_can_read_it(psql, cluster):
    assert (cluster.folder / "pgpass").stat().st_mode & 0o777 == 0o600
    env = {**os.environ, **psql.variables, "PGPASSFILE": "/dev/null"}
    refused = subprocess.run(
        [psql.binary, "-X", "-w", "-d", "postgres", "-c", "select 1"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "no password supplied" in refused.stderr


def test_a_second_initialisation_changes_nothing(cluster):
    before = (cluster.folder / "pgpass").read_text()
    assert cluster.ensure_initialised() is False
    assert (cluster.folder / "pgpass").read_text() == before


def test_a_cluster_has_one_owner(cluster):
    with pytest.raises(Failure, match=f"process {os.getpid()}") as refused:
        cluster.lock()
    assert refused.value.code == "database-in-use"


def test_a_taken_port_is_named(own_cluster, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", own_cluster.port))
        other.listen()
        with pytest.raises(Failure, match=str(own_cluster.port)) as refused:
            own_cluster.start(log=tmp_path / "log", server_settings=SMALL)
    assert refused.value.code == "port-taken"


def test_the_server_dies_with_its_agent_and_restarts_after_it(own_cluster, tmp_path):
    code = """
import pathlib, signal, sys
from agent.databases.postgresql.cluster import Cluster
folder, binaries, port, log = sys.argv[1:]
cluster = Cluster(pathlib.Path(folder), pathlib.Path(binaries), int(port))
server = cluster.start(log=pathlib.Path(log), server_settings={})
print(server.pid, flush=True)
signal.pause()
"""
    where = [own_cluster.folder, own_cluster.binaries, own_cluster.port, tmp_path / "log"]
    owner = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, where)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    server = psutil.Process(int(owner.stdout.readline()))
    family = [server, *server.children(recursive=True)]
    owner.kill()
    owner.communicate()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
    again = own_cluster.start(log=tmp_path / "log2", server_settings=SMALL)
    assert own_cluster.psql.run("select 42") == "42"
    assert own_cluster.stop(again)


def test_a_leftover_server_is_recognised_by_its_pidfile_and_ended(own_cluster, tmp_path):
    server = own_cluster.start(log=tmp_path / "log", server_settings=SMALL)
    assert own_cluster.end_leftover() == server.pid
    assert server.wait() is not None
    assert own_cluster.end_leftover() is None


def test_a_pidfile_that_names_a_stranger_harms_nobody(own_cluster):
    stranger = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    (own_cluster.data / "postmaster.pid").write_text(f"{stranger.pid}\n")
    assert own_cluster.end_leftover() is None
    assert stranger.poll() is None
    stranger.send_signal(signal.SIGTERM)
    stranger.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user for postgres")
def test_a_folder_that_nobody_cannot_enter_is_refused_by_name(tmp_path, postgres_binaries):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Failure) as refused:
        Cluster(closed / "postgres", postgres_binaries, 1).ensure_initialised()
    assert refused.value.code == "database-folder"
