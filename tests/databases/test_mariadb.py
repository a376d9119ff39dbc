"""A private MariaDB: made, loaded, copied, watched and stopped."""

from __future__ import annotations

import os
import subprocess
from copy import replace
from pathlib import Path

import psutil
import pytest

from agent import server as watching
from agent.failure import Failure
from agent.orders import KillSpec
from tests.services.parts import DATASET
from tests.services.running import until
from workloads.databases.interface import ChecksumError, ServerError
from workloads.databases.mariadb import digests
from workloads.databases.mariadb import template as making
from workloads.dataset import Dataset


def test_it_listens_on_loopback_and_wants_a_password(client, instance, tmp_path):
    assert client.version().startswith(("10.11.", "11.8."))
    assert client.run("SELECT @@bind_address, @@skip_name_resolve") == "127.0.0.1\t1"
    assert Path(client.passfile).stat().st_mode & 0o777 == 0o600
    wrong = tmp_path / "wrong.cnf"
    wrong.write_text(client.passfile_of("guessed"))
    with pytest.raises(ServerError, match="ERROR 1045"):
        replace(client, passfile=str(wrong)).run("SELECT 1")
    with pytest.raises(ServerError, match=r"ERROR (1045|1698|4151) "):
        replace(client, passfile=str(wrong), user="root").run("SELECT 1")
    if os.geteuid() == 0:
        pid = int((instance.data / "server.pid").read_text())
        assert psutil.Process(pid).username() == "nobody"


def test_a_commit_is_on_the_disk_before_it_is_answered(client):
    told = client.settings()
    assert told["innodb_flush_log_at_trx_commit"] == "1"
    assert told["innodb_doublewrite"] == "ON"
    assert told["tx_isolation"] == "READ-COMMITTED"
    assert told["collation_server"] == "utf8mb4_nopad_bin"
    assert "datadir" not in told
    assert not any("/" in value for value in told.values())


def test_files_are_made_once_and_have_one_owner(instance):
    assert not instance.ensure_initialised()
    with pytest.raises(Failure, match=f"process {os.getpid()}"):
        instance.lock()


def test_a_start_is_known_by_a_number_of_its_own(client, instance, log):
    watching.require_own(client, client.identity())
    with pytest.raises(Failure, match="another MariaDB answers") as foreign:
        watching.require_own(client, "7")
    assert foreign.value.code == "database-foreign"
    with pytest.raises(Failure, match="MariaDB cannot have port") as taken:
        instance.start(log=log, server_settings={})
    assert taken.value.code == "port-taken"


def test_a_template_is_made_once_and_holds_the_pure_rows(client, template, fresh_clone):
    assert client.make_template(DATASET).reused
    with client.rows(fresh_clone()) as rows:
        for table, row in (("users", DATASET.user(7)), ("orders", DATASET.order(1010))):
            expected = {**row, "created_at": row["created_at"].strftime("%Y-%m-%dT%H:%M:%SZ")}
            assert rows.read(table, row["id"]) == expected
        assert rows.read("users", DATASET.users + 1) is None
        assert rows.count("users") == DATASET.users
    assert template == making.template_name(DATASET)


@pytest.fixture
def other(client):
    """A dataset that no other test has loaded."""
    dataset = Dataset(users=120, orders=100, payload_bytes=256, seed=99)
    yield dataset
    client.drop(making.template_name(dataset))


def test_rows_that_come_back_changed_are_noticed(client, other, monkeypatch):
    tamper = "UPDATE users SET profile = reverse(profile) WHERE id = 7;"
    sql, digest = making.sql, making.digest_of(other)
    monkeypatch.setattr(making, "sql", lambda name: sql(name) + tamper)
    monkeypatch.setattr(making, "digest_of", lambda _: digest)
    with pytest.raises(ChecksumError, match=r"\.users: sent .*, read back"):
        client.make_template(other)
    monkeypatch.undo()
    made = client.make_template(other)  # the half made one is no template
    assert not made.reused
    assert list(made.seconds) == ["load", "constraints", "verify", "finish"]


def test_a_copy_is_whole(client, template, fresh_clone):
    name = fresh_clone()
    tables = "users, orders"
    sums = "CHECKSUM TABLE " + tables
    there, here = (client.run(sums, database=each).split() for each in (template, name))
    assert there[1::2] == here[1::2]
    shown = "SHOW CREATE TABLE orders"
    assert client.run(shown, database=name) == client.run(shown, database=template)
    # Rows get the next numbers, keys hold, and nothing is left to write.
    client.run("INSERT INTO orders VALUES (NULL, 1, 1, 'new', '2024-01-01')", database=name)
    assert client.run("SELECT max(id) FROM orders", database=name) == str(DATASET.orders + 1)
    with pytest.raises(ServerError, match="ERROR 1452"):
        client.run("UPDATE orders SET user_id = 2000000 WHERE id = 1", database=name)
    with pytest.raises(ServerError, match="ERROR 1062"):
        client.run("UPDATE users SET username = 'USER', email = 'x'", database=name)


def test_a_copy_replaces_one_that_is_in_use(client, template, fresh_clone):
    name = fresh_clone()
    with pytest.raises(ServerError), client.connected(name) as user:  # noqa: PT012 - it is ended
        user.run("DELETE FROM orders")
        client.clone(template, name)
        user.run("SELECT 1")
    assert client.run("SELECT count(*) FROM orders", database=name) == str(DATASET.orders)


def test_a_copy_of_nothing_says_what_is_missing(client):
    with pytest.raises(Failure, match="no_such_template") as failure:
        watching.restore(client, "no_such_template", "mariadb_none")
    assert failure.value.code == "database-unreachable"
    client.drop("mariadb_none")


def test_rows_are_counted_by_table(client, fresh_clone):
    name = fresh_clone()
    before = client.counters(name)
    client.run(
        "INSERT INTO orders VALUES (NULL, 1, 1, 'new', '2024-01-01');"
        "UPDATE orders SET total = total + 1 WHERE id IN (1, 2);"
        "DELETE FROM orders WHERE id = 3",
        database=name,
    )
    after = client.counters(name)
    changed = [
        getattr(after["orders"], kind) - getattr(before["orders"], kind)
        for kind in ("inserted", "updated", "deleted")
    ]
    assert changed == [1, 2, 1]
    assert after["users"] == before["users"]
    assert after["orders"].sequential_scans is None


def test_connections_are_seen_and_ended(client, fresh_clone):
    name = fresh_clone()
    assert client.activity(name).connections == {}
    with pytest.raises(ServerError), client.connected(name) as user:  # noqa: PT012 - it is ended
        user.run("SELECT 1")
        now = client.activity(name)
        assert set(now.connections.values()) == {"mysql"}
        assert now.checkpoints is None
        kills = watching.Kills(client, name, [KillSpec(at_s=0.0, connections=1)])
        kills.do_what_is_due()
        assert [kill.ended for kill in kills.record] == [1]
        until(lambda: client.activity(name).connections == {})
        user.run("SELECT 1")
    assert watching.await_silence(client, name, timeout_s=5) == 0


def test_a_server_that_cannot_be_reached_is_named(client):
    nobody = replace(client, port=1)
    with pytest.raises(ServerError, match=r"ERROR 2002.*127\.0\.0\.1"):
        nobody.run("SELECT 1")
    assert watching.observe(nobody, "mysql", None).activity is None


def test_what_a_session_sends_is_recorded_piece_by_piece(client, fresh_clone):
    name = fresh_clone()
    with client.recording(name) as recording, client.connected(name) as service:
        recording.begin()
        assert recording.address == (client.host, client.port)
        service.run("SELECT 1")
        recording.cut()
        service.run("SELECT id FROM orders WHERE id IN (1, 2, 3)")
        recording.cut()
        recording.cut()
        first, second, third = recording.pieces()
    # The client ends each answer with a SELECT of its own.
    assert first.statements[-1] == "SELECT ?"
    assert second.statements[0] == "SELECT ID FROM `orders` WHERE ID IN (...)"
    assert (second.rows, second.round_trips) == (4, len(second.statements))
    assert (third.statements, third.round_trips, third.rows) == ([], 0, 0)


def test_a_server_that_was_not_started_for_it_records_nothing(client):
    assert client.logging() != digests.SILENT
    quiet = "UPDATE performance_schema.setup_consumers SET enabled = '{}' WHERE name LIKE '{}'"
    try:
        client.run(quiet.format("NO", "%statements%"))
        assert client.logging() == digests.SILENT
        with pytest.raises(RuntimeError, match="records no statements"), client.recording("x"):
            pass
    finally:
        client.run(quiet.format("YES", "events_statements_current"))
        client.run(quiet.format("YES", "events_statements_history_long"))
        client.run(quiet.format("YES", "statements_digest"))


def test_a_leftover_server_is_ended_and_a_stranger_is_not(client, instance):  # noqa: ARG001 - it runs
    pidfile = instance.data / "server.pid"
    own = pidfile.read_text()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        pidfile.write_text(str(stranger.pid))
        assert instance.end_leftover() is None
        assert stranger.poll() is None
    finally:
        pidfile.write_text(own)
        stranger.kill()
        stranger.wait()
