"""The pass over real services, and what it notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.files import write_json
from analysis.work import PerRequest, Work
from bundle.documents.services import Cost, Sql, Statement
from tests.diagnosis.tasks import READ_USER, every_operation, task
from tests.services.running import SERVICES
from workloads.databases.postgresql import log
from workloads.load.operations import Operation

ODD = str(Path(__file__).with_name("odd_service.py"))
PAIR = ("plain", "odd")


def work_of(folder, **subjects):
    """What the analysis reads when a bundle holds these diagnoses."""
    for name, (sql, answers) in subjects.items():
        place = folder / "services" / name
        place.mkdir(parents=True)
        write_json(place / "sql.json", sql)
        write_json(place / "answers.json", answers)
    return Work.read(folder)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_costs_what_its_service_declares(diagnose, tmp_path, service):
    sql, answers = diagnose(every_operation(), service=service)
    assert len(sql.operations) == 17
    for name, cost in sql.operations.items():
        assert not cost.varies, name
        assert cost.statements_per_request == cost.declared.statements, name
        assert cost.round_trips_per_request == cost.declared.round_trips, name
    assert all(each.status == each.expected_status for each in answers.answers)
    assert work_of(tmp_path, subject=(sql, answers)).undeclared("subject") == []


def test_all_services_answer_with_the_same_bytes(diagnose, tmp_path):
    first = diagnose(every_operation(), service="asyncpg")
    second = diagnose(every_operation(), service="tortoise")
    work = work_of(tmp_path, plain=first, odd=second)
    assert work.problems(*PAIR) == []
    told = work.compare(*PAIR, "everything")
    assert told.answers == "equal"
    assert {each.sql for each in told.operations} == {"different"}
    short = work.in_short(*PAIR, "everything")
    assert short.sql == "different"
    assert short.sql_digests.baseline != short.sql_digests.candidate


def test_one_extra_query_is_caught(diagnose, tmp_path):
    mine = task(reads=READ_USER)
    plain = diagnose(mine, service="asyncpg")
    odd = diagnose(mine, service="asyncpg", program=(ODD, "one_more_query"))
    work = work_of(tmp_path, plain=plain, odd=odd)
    assert work.undeclared("plain") == []
    said = work.undeclared("odd")
    assert [line for line in said if "4 statements, its service declares 2" in line]
    assert [line for line in said if "4 round trips, its service declares 2" in line]
    assert work.in_short(*PAIR, "reads").sql == "different"
    assert work.problems(*PAIR) == []  # the answers are the same: shown, not forbidden


def test_one_changed_byte_makes_a_comparison_invalid(diagnose, tmp_path):
    mine = task(reads=READ_USER)
    plain = diagnose(mine, service="asyncpg")
    odd = diagnose(mine, service="asyncpg", program=(ODD, "another_byte"))
    work = work_of(tmp_path, plain=plain, odd=odd)
    (problem,) = work.problems(*PAIR)
    first, second = (each.answers[0] for _, each in (plain, odd))
    assert first.content_length == second.content_length
    assert first.request in problem
    assert first.sha256[:12] in problem
    assert second.sha256[:12] in problem
    assert "0x30 and 0x31" in problem
    assert work.problems("plain", "plain") == []


def test_statements_that_vary_from_request_to_request_are_said_to(diagnose, tmp_path):
    sql, answers = diagnose(
        task(reads=READ_USER), service="asyncpg", program=(ODD, "sometimes_one_more")
    )
    assert sql.operations["read-user"].varies
    said = work_of(tmp_path, odd=(sql, answers)).undeclared("odd")
    assert said[0] == "read-user: its statements vary from request to request"


def test_an_option_that_changes_the_statements_shows(diagnose, tmp_path):
    unreset = {"reset_on_return": False}
    sql, answers = diagnose(task(reads=READ_USER), service="asyncpg", options=unreset)
    assert sql.operations["read-user"].statements_per_request == 1
    work = work_of(tmp_path, plain=(sql, answers))
    assert "read-user: 1 statements, its service declares 2" in work.undeclared("plain")


def test_requests_are_weighted_by_the_mix_of_the_workload(diagnose, tmp_path):
    mix = [Operation("read-user", weight=3), Operation("users-with-orders", loading="prefetch")]
    work = work_of(tmp_path, plain=diagnose(task(mixed=mix), service="asyncpg"))
    costs = PerRequest(round_trips=2.25, statements=2.25, queries=1.25)
    assert work.per_request("plain", "mixed") == costs
    assert work.per_request("unknown", "mixed") == PerRequest(
        round_trips=None, statements=None, queries=None
    )


@pytest.mark.parametrize(
    ("statement", "queries"),
    [
        ("SELECT ?", 1),
        ("INSERT INTO t VALUES ($1)", 1),
        ("WITH settled AS (SELECT ?) SELECT * FROM settled", 1),
        ("SELECT pg_advisory_unlock_all(), count(*) FROM t", 1),
        ("RESET ALL; SELECT ?", 1),
        ("BEGIN ISOLATION LEVEL READ COMMITTED", 0),
        ("commit", 0),
        ("ROLLBACK TO SAVEPOINT name", 0),
        ("SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL", 0),
        ("DISCARD ALL", 0),
    ],
)
def test_what_begins_or_ends_a_transaction_or_resets_a_session_is_no_query(statement, queries):
    cost = Cost(
        requests=5,
        statements=[Statement(text=statement, count=3)],
        statements_per_request=3.0,
        round_trips_per_request=3.0,
        rows_per_request=0.0,
        digest="",
        varies=False,
        declared=None,
    )
    mixes = {"reads": {"read-user": 1.0}}
    sql = Sql(schema="sql/1", service="s", digest="", mixes=mixes, operations={"read-user": cost})
    assert Work({}, {"s": sql}, {}).per_request("s", "reads").queries == 3 * queries


def test_the_pass_leaves_no_database_that_logs(diagnose, logging_psql):
    diagnose(task(reads=READ_USER), service="asyncpg")
    assert log.logging(logging_psql)["databases"] == "0"


def test_a_server_that_was_not_started_for_it_cannot_be_asked(psql, database):
    assert log.logging(psql) == log.SILENT
    with pytest.raises(RuntimeError, match="no JSON log"), log.StatementLog.on(psql, database):
        pass
    assert log.logging(psql) == log.SILENT
