from copy import replace

import pytest

from workloads.databases.postgresql.psql import PsqlError
from workloads.databases.postgresql.template import drop

DATABASE = "psql_tests"
TEXT_COPY = r"\copy t from pstdin"


@pytest.fixture
def database(psql):
    drop(psql, DATABASE)
    psql.run(f"CREATE DATABASE {DATABASE}")
    yield DATABASE
    drop(psql, DATABASE)


def rows(psql):
    return psql.run("SELECT count(*) FROM t", database=DATABASE)


def test_text_comes_back_unaligned(psql):
    assert psql.run("VALUES (1, 'ä'), (2, NULL)") == "1|ä\n2|"


def test_a_failing_statement_stops_the_rest(psql, database):
    with pytest.raises(PsqlError, match="no_such_table"):
        psql.run("SELECT 1 FROM no_such_table; CREATE TABLE t (n int)", database=database)
    with pytest.raises(PsqlError, match='"t" does not exist'):
        rows(psql)


def test_a_psql_that_stays_answers_each_question_by_itself(psql, database):
    with psql.connected(database) as connected:
        assert connected.run("VALUES (1, 'ä'), (2, NULL)") == "1|ä\n2|"
        assert connected.run("CREATE TABLE t (n int); INSERT INTO t VALUES (3);") == ""
        assert rows(psql) == "1"  # each statement is a transaction
        assert connected.run("SELECT n FROM t") == "3"
        assert connected.run("SELECT repeat('x', 300000)") == "x" * 300_000


def test_a_psql_that_stays_ends_with_the_first_error(psql, database):
    with (
        pytest.raises(PsqlError, match="no_such_table"),
        psql.connected(database) as connected,
    ):
        connected.run("SELECT 1 FROM no_such_table; CREATE TABLE t (n int)")
    with pytest.raises(PsqlError, match='"t" does not exist'):
        rows(psql)


def test_a_psql_that_stays_names_a_server_that_cannot_be_reached(psql):
    with (
        pytest.raises(PsqlError, match=r"port 1 failed: Connection refused"),
        replace(psql, port=1).connected("postgres") as connected,
    ):
        connected.run("SELECT 1")


def test_an_unreachable_server_is_named(psql):
    with pytest.raises(PsqlError, match=r"port 1 failed: Connection refused"):
        replace(psql, port=1).run("SELECT 1")


def test_rows_are_copied_in_one_transaction(psql, database):
    with psql.copy_in("CREATE TABLE t (n int)", TEXT_COPY, database=database) as stream:
        stream.write(b"1\n2\n")
    assert rows(psql) == "2"


def test_a_refused_row_undoes_all_of_it(psql, database):
    with (
        pytest.raises(PsqlError, match="invalid input syntax"),
        psql.copy_in("CREATE TABLE t (n int)", TEXT_COPY, database=database) as stream,
    ):
        stream.write(b"1\none\n")
    with pytest.raises(PsqlError, match="does not exist"):
        rows(psql)


def test_a_command_that_fails_before_the_rows_is_the_error(psql, database):
    with (
        pytest.raises(PsqlError, match="no_such_table"),
        psql.copy_in("TRUNCATE no_such_table", TEXT_COPY, database=database) as stream,
    ):
        stream.write(b"1\n" * 10_000_000)  # more than the pipe holds


def test_leaving_by_an_exception_undoes_all_of_it(psql, database):
    psql.run("CREATE TABLE t (n int)", database=database)

    def interrupted():
        with psql.copy_in(TEXT_COPY, database=database) as stream:
            stream.write(b"1\n")
            stream.flush()
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert rows(psql) == "0"


def test_rows_are_copied_out(psql):
    with psql.copy_out(r"\copy (VALUES (1), (2)) to pstdout", database="postgres") as stream:
        assert stream.read() == b"1\n2\n"


def test_a_failing_copy_out_is_an_error(psql):
    copy = r"\copy (SELECT 1 / (3 - n) FROM generate_series(1, 3) n) to pstdout"
    with (
        pytest.raises(PsqlError, match="division by zero"),
        psql.copy_out(copy, database="postgres") as stream,
    ):
        stream.read()
