"""What is taken out of a statement, and what stays."""

import pytest

from workloads.diagnosis.fingerprint import counted, digest, normalised


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", "SELECT ?"),
        ("SELECT  a\n\tFROM t ;", "SELECT a FROM t"),
        ("SELECT 'it''s', E'a\\'b', $$x;y$$, $q$z$q$", "SELECT ?, ?, ?, ?"),
        ("SELECT 1.5e-3, .5, 10_000", "SELECT ?, ?, ?"),
        ("SELECT a1, t2.b -- 7\n FROM t2 /* 8 */", "SELECT a1, t2.b FROM t2"),
        ("SELECT * FROM t WHERE id = $1 LIMIT $2", "SELECT * FROM t WHERE id = $1 LIMIT $2"),
        ('SELECT "a 1", "b""2" FROM "T"', 'SELECT "a 1", "b""2" FROM "T"'),
        ("SELECT 1 IN ($1, $2,$3)", "SELECT ? IN (?, ...)"),
        ("SELECT 1 IN (4)", "SELECT ? IN (?, ...)"),
        ("x IN ($1::INTEGER, $2::INTEGER)", "x IN (?, ...)"),
        ("x IN (SELECT 1)", "x IN (SELECT ?)"),
        ("SAVEPOINT sa_savepoint_1", "SAVEPOINT name"),
        ("RELEASE SAVEPOINT sp_2", "RELEASE SAVEPOINT name"),
        ("ROLLBACK TO sp_3", "ROLLBACK TO name"),
        ("DEALLOCATE __asyncpg_stmt_9__", "DEALLOCATE name"),
        ("DEALLOCATE ALL", "DEALLOCATE ALL"),
        ("select Name from Users", "select Name from Users"),
    ],
)
def test_normalised(statement, expected):
    assert normalised(statement) == expected


def test_a_text_that_is_normalised_stays_as_it_is():
    text = normalised("SELECT a, 'x', 12 FROM t WHERE b IN (1,2) AND c = $1")
    assert normalised(text) == text


def test_statements_are_counted_in_the_order_in_which_they_first_appear():
    texts = ["BEGIN", "b", "a", "b", "COMMIT"]
    assert [(each.text, each.count) for each in counted(texts)] == [
        ("BEGIN", 1),
        ("b", 2),
        ("a", 1),
        ("COMMIT", 1),
    ]


def test_another_count_is_another_digest():
    assert digest(counted(["a", "a"])) != digest(counted(["a"]))
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
