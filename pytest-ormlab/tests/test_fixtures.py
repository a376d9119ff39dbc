"""What a user of the fixtures sees."""

from __future__ import annotations

import pytest

CONFTEST = """
import psycopg, pytest

@pytest.fixture(scope="session")
def connection(ormlab_proxy):
    with psycopg.connect(ormlab_proxy.url, autocommit=True) as connection:
        yield connection
"""


def test_too_many_queries_fail_with_their_sql(project):
    result = project(
        conftest=CONFTEST,
        test_it="""
def test_it(connection, assert_num_queries):
    with assert_num_queries(1, info="one per page"):
        connection.execute("SELECT 'a'")
        connection.execute("SELECT %s::int", [5])
        connection.execute("COMMIT")
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *Failed: Expected 1 query, but 2 were sent.",
            "E *one per page",
            "E *1.  (connection 1)",
            "E *SELECT 'a'",
            "E *2.  (connection 1)",
            "E *SELECT $1::int",
            "E *Not counted: 1 that begin or end transactions or reset sessions*",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_ormlab/plugin.py*")


@pytest.mark.parametrize(
    ("call", "sent", "message"),
    [
        ("assert_num_queries(2)", 2, None),
        ("assert_num_queries(2)", 1, "Expected 2 queries, but 1 was sent."),
        ("assert_num_queries(0)", 0, None),
        ("assert_max_num_queries(2)", 1, None),
        ("assert_max_num_queries(2)", 2, None),
        ("assert_max_num_queries(2)", 3, "Expected at most 2 queries, but 3 were sent."),
        ("assert_num_queries(3, upkeep=True)", 3, None),
    ],
)
def test_the_two_bounds(pytester, call, sent, message):
    """Counted at a source of the project's own, which needs no database."""
    pytester.makeconftest("""
import pytest, pytest_ormlab

@pytest.fixture
def ormlab_queries():
    return pytest_ormlab.Queries()
""")
    pytester.makepyfile(f"""
def test_it(ormlab_queries, assert_num_queries, assert_max_num_queries):
    with {call} as captured:
        for number in range({sent}):
            ormlab_queries.record("BEGIN" if "upkeep" in {call!r} else "SELECT 1")
    assert len(captured) == len(captured.queries) == {sent}
""")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=message is None, failed=message is not None)
    if message:
        result.stdout.fnmatch_lines([f"*{message}"])


def test_an_error_of_the_block_is_what_is_reported(pytester):
    pytester.makeconftest("""
import pytest, pytest_ormlab

@pytest.fixture
def ormlab_queries():
    return pytest_ormlab.Queries()
""")
    pytester.makepyfile("""
def test_it(assert_num_queries):
    with assert_num_queries(1):
        raise LookupError("of the block")
""")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LookupError: of the block"])
    result.stdout.no_fnmatch_line("*Expected 1 query*")


def test_without_a_server_it_is_said_how_to_name_one(pytester):
    pytester.makepyfile("def test_it(assert_num_queries): pass")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*does not know your PostgreSQL server*--ormlab-server=*"])


def test_code_that_goes_past_the_proxy_is_found(project, server):
    result = project(
        test_it=f"""
import psycopg

def test_it(assert_num_queries):
    with assert_num_queries(1), psycopg.connect({server.url!r}) as connection:
        connection.execute("SELECT 1")
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*Expected 1 query, but 0 were sent.", "*nothing has connected to the proxy so far*"]
    )


def test_insisting_on_encryption_fails_with_what_to_do(project):
    result = project(
        test_it="""
import psycopg

def test_it(ormlab_proxy):
    psycopg.connect(ormlab_proxy.url, sslmode="require")

def test_other():
    assert False
"""
    )
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert text.count("a client insisted on encryption") == 1
    assert "sslmode=disable (libpq), ssl=False (asyncpg)" in text


def test_a_project_may_ignore_queries(project, pytester):
    pytester.makeini("[pytest]\normlab_ignore =\n    ^SHOW\\b\n    pg_catalog\\.\n")
    result = project(
        conftest=CONFTEST,
        test_it="""
def test_it(connection, assert_num_queries):
    with assert_num_queries(1):
        connection.execute("SHOW server_version")
        connection.execute("SELECT count(*) FROM pg_catalog.pg_class")
        connection.execute("SELECT 1")
""",
    )
    result.assert_outcomes(passed=1)


def test_each_worker_has_a_proxy_of_its_own(project):
    result = project(
        "-n2",
        "-s",
        conftest=CONFTEST,
        test_it="""
import pytest

@pytest.mark.parametrize("number", range(20))
def test_it(connection, assert_num_queries, ormlab_proxy, worker_id, number):
    for _ in range(20):
        with assert_num_queries(2) as captured:
            connection.execute("SELECT 1")
            connection.execute("SELECT 2")
    assert {query.connection for query in captured.queries} == {1}
""",
    )
    result.assert_outcomes(passed=20)


def test_the_engine_of_sqlalchemy_is_a_source_on_any_database(pytester):
    pytester.makeconftest("""
import pytest, sqlalchemy
from pytest_ormlab import sqlalchemy_queries

@pytest.fixture
def engine():
    engine = sqlalchemy.create_engine("sqlite://")
    yield engine
    engine.dispose()

@pytest.fixture
def ormlab_queries(engine):
    with sqlalchemy_queries(engine) as queries:
        yield queries
""")
    pytester.makepyfile("""
from sqlalchemy import text

def test_it(engine, assert_num_queries):
    with assert_num_queries(2) as captured, engine.begin() as connection:
        connection.execute(text("SELECT 1"))
        with connection.begin_nested():
            connection.execute(text("SELECT 2"))
    assert [query.text for query in captured.queries] == ["SELECT 1", "SELECT 2"]
    upkeep = [query.text.split()[0] for query in captured.everything if query.upkeep]
    assert upkeep == ["BEGIN", "SAVEPOINT", "RELEASE", "COMMIT"]
""")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
