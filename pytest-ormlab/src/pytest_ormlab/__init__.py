"""Fixtures of pytest that count queries at PostgreSQL's wire and compare the speed of two things.

    plugin      the fixtures and what they print
    queries     queries as they are counted, and the sources that see them
    proxy       the source at the wire: a proxy in front of PostgreSQL
    session     what one client of the proxy executes
    sqlalchemy  the source inside SQLAlchemy, for any database
    comparison  two things measured in turn, and the verdict
    interval    the interval of their ratio
    wire        PostgreSQL's protocol

The fixtures are found by pytest without an import. What is exported here serves annotations and
sources of your own.
"""

from pytest_ormlab.comparison import Comparison, Verdict
from pytest_ormlab.plugin import AssertQueries, Compare, CompareAsync
from pytest_ormlab.proxy import QueryProxy
from pytest_ormlab.queries import Captured, Queries, Query
from pytest_ormlab.sqlalchemy import sqlalchemy_queries

__all__ = [
    "AssertQueries",
    "Captured",
    "Compare",
    "CompareAsync",
    "Comparison",
    "Queries",
    "Query",
    "QueryProxy",
    "Verdict",
    "sqlalchemy_queries",
]
