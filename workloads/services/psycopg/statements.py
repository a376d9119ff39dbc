"""The hand-written SQL of the service on psycopg; columns in the contract's order.

An update gets null for each column that it does not change. Because no column is nullable, one
prepared statement serves every set of fields.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statements:
    """The five statements on one table."""

    read: str  #: takes an id
    page: str  #: takes limit and offset
    create: str  #: takes every column but the id, by name
    update: str  #: takes an id and every other column, by name, null for those that do not change
    delete: str  #: takes an id


USERS = Statements(
    read="SELECT id, username, email, profile, created_at FROM users WHERE id = %s",
    page=(
        "SELECT id, username, email, profile, created_at FROM users ORDER BY id LIMIT %s OFFSET %s"
    ),
    create=(
        "INSERT INTO users (username, email, profile, created_at) "
        "VALUES (%(username)s, %(email)s, %(profile)s, %(created_at)s) "
        "RETURNING id, username, email, profile, created_at"
    ),
    update=(
        "UPDATE users SET username = coalesce(%(username)s, username), "
        "email = coalesce(%(email)s, email), profile = coalesce(%(profile)s, profile), "
        "created_at = coalesce(%(created_at)s, created_at) WHERE id = %(id)s "
        "RETURNING id, username, email, profile, created_at"
    ),
    delete="DELETE FROM users WHERE id = %s",
)

ORDERS = Statements(
    read="SELECT id, user_id, total, status, created_at FROM orders WHERE id = %s",
    page=(
        "SELECT id, user_id, total, status, created_at FROM orders ORDER BY id LIMIT %s OFFSET %s"
    ),
    create=(
        "INSERT INTO orders (user_id, total, status, created_at) "
        "VALUES (%(user_id)s, %(total)s, %(status)s, %(created_at)s) "
        "RETURNING id, user_id, total, status, created_at"
    ),
    update=(
        "UPDATE orders SET user_id = coalesce(%(user_id)s, user_id), "
        "total = coalesce(%(total)s, total), status = coalesce(%(status)s, status), "
        "created_at = coalesce(%(created_at)s, created_at) WHERE id = %(id)s "
        "RETURNING id, user_id, total, status, created_at"
    ),
    delete="DELETE FROM orders WHERE id = %s",
)

ORDERS_OF_USER = (
    "SELECT id, user_id, total, status, created_at FROM orders WHERE user_id = %s ORDER BY id"
)
ORDERS_OF_USERS = (
    "SELECT id, user_id, total, status, created_at FROM orders WHERE user_id = ANY(%s) ORDER BY id"
)
ORDERS_WITH_USERNAME = (
    "SELECT o.id, o.user_id, o.total, o.status, o.created_at, u.username "
    "FROM orders o JOIN users u ON u.id = o.user_id "
    "WHERE o.user_id = %s ORDER BY o.id LIMIT %s OFFSET %s"
)
USERS_JOIN_ORDERS = (
    "SELECT u.id, u.username, u.email, u.profile, u.created_at, "
    "o.id, o.user_id, o.total, o.status, o.created_at "
    "FROM (SELECT * FROM users ORDER BY id LIMIT %s OFFSET %s) u "
    "LEFT JOIN orders o ON o.user_id = u.id ORDER BY u.id, o.id"
)
