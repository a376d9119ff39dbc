"""What counts as a query, and how queries are shown."""

import threading

import pytest

from pytest_ormlab import Queries


def told(*texts, **options):
    queries = Queries(**options)
    with queries.capture() as captured:
        for text in texts:
            queries.record(text, connection=1)
    return captured


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN",
        "begin isolation level repeatable read;",
        "START TRANSACTION",
        "COMMIT; BEGIN",
        "ROLLBACK TO SAVEPOINT x",
        'SAVEPOINT "_pg3_1"',
        "RELEASE SAVEPOINT x;",
        "/* a */ COMMIT -- SELECT 1",
        "DEALLOCATE _pg3_0",
        "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
    ],
)
def test_upkeep_is_no_query_unless_asked_for(text):
    captured = told(text)
    assert len(captured) == 0
    captured.upkeep = True
    assert len(captured) == 1


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "BEGIN; SELECT 1",
        "SELECT pg_advisory_unlock_all(), 1",
        "BEGINNING",
        "-- BEGIN\nSELECT 1",
        "/* a */ SELECT 1 /* b */",
        "/* BEGIN */ INSERT INTO t VALUES (1)",
        "ENDLESS()",
    ],
)
def test_everything_else_is_one_query(text):
    assert [query.text for query in told(text).queries] == [text]


@pytest.mark.parametrize("text", ["", ";", " ; \n", "-- ping", "/* ping */;"])
def test_a_text_without_a_statement_is_nothing_at_all(text):
    assert told(text).everything == []


def test_what_a_project_ignores_is_not_reported():
    captured = told("SELECT pg_catalog.version()", "SELECT 1", ignored=[r"pg_catalog\."])
    assert [query.text for query in captured.everything] == ["SELECT 1"]


def test_repetitions_in_a_row_are_shown_once():
    captured = told("SELECT 1", *["SELECT x\nFROM y"] * 100, "COMMIT")
    assert str(captured) == (
        "1.  (connection 1)\n"
        "   SELECT 1\n"
        "2-101.  (connection 1, 100 times in a row)\n"
        "   SELECT x\n"
        "   FROM y\n"
        "Not counted: 1 that begin or end transactions or reset sessions (upkeep=True counts them)."
    )


def test_captures_overlap_and_end():
    queries = Queries()
    with queries.capture() as outer:
        queries.record("SELECT 1")
        with queries.capture() as inner:
            queries.record("SELECT 2")
    queries.record("SELECT 3")
    assert (len(outer), len(inner)) == (2, 1)


def test_threads_may_report_at_once():
    queries = Queries()
    with queries.capture() as captured:
        threads = [
            threading.Thread(target=lambda: [queries.record("SELECT 1") for _ in range(500)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(captured) == 2000
