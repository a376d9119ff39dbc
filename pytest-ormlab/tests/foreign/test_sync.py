"""psycopg and SQLAlchemy, without an event loop."""

from __future__ import annotations

import psycopg
import pytest
from models import Author
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, joinedload, selectinload

AUTHORS = 5


@pytest.fixture(scope="session")
def engine(ormlab_proxy):
    engine = create_engine(ormlab_proxy.url_for("postgresql+psycopg"))
    engine.connect().close()  # what SQLAlchemy asks a new server is not part of any test
    yield engine
    engine.dispose()


def titles(engine, *options):
    with Session(engine) as session:
        authors = session.scalars(select(Author).options(*options)).unique().all()
        return sorted(book.title for author in authors for book in author.books)


def test_lazy_loading_is_one_query_for_each_author(engine, assert_num_queries):
    with assert_num_queries(1 + AUTHORS) as captured:
        titles(engine)
    assert captured.queries[1].text == captured.queries[2].text


def test_eager_loading_is_not(engine, assert_num_queries, assert_max_num_queries):
    with assert_num_queries(1):
        titles(engine, joinedload(Author.books))
    with assert_max_num_queries(2):
        titles(engine, selectinload(Author.books))


def test_upkeep_counts_if_asked_for(engine, assert_num_queries):
    with assert_num_queries(3, upkeep=True) as captured:
        titles(engine, joinedload(Author.books))
    texts = [query.text for query in captured.queries]
    assert (texts[0], texts[-1]) == ("BEGIN", "ROLLBACK")


def test_psycopg(ormlab_proxy, assert_num_queries):
    with psycopg.connect(ormlab_proxy.url) as connection, assert_num_queries(2):
        connection.execute("SELECT name FROM author WHERE id = %s", [1])
        connection.execute("SELECT count(*) FROM book")


def test_speed(engine, compare):
    joined = [joinedload(Author.books)]
    found = compare(
        lambda: titles(engine, *joined), lambda: titles(engine), margin=1000.0, blocks=6
    )
    assert 0 < found.low <= found.ratio <= found.high
