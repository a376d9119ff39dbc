"""The hand-written SQL of the service without an ORM; columns in the contract's order.

An update gets null for each column that it does not change. Because no column is nullable, one
text serves every set of fields.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statements:
    """The five statements on one table."""

    read: str  #: takes an id
    page: str  #: takes limit and offset
    create: str  #: takes every column but the id
    update: str  #: takes every column but the id, null for those that do not change, and the id
    delete: str  #: takes an id


USERS = Statements(
    read="SELECT id, username, email, profile, created_at FROM users WHERE id = %s",
    page=(
        "SELECT id, username, email, profile, created_at FROM users ORDER BY id LIMIT %s OFFSET %s"
    ),
    create=(
        "INSERT INTO users (username, email, profile, created_at) VALUES (%s, %s, %s, %s) "
        "RETURNING id, username, email, profile, created_at"
    ),
    update=(
        "UPDATE users SET username = coalesce(%s, username), email = coalesce(%s, email), "
        "profile = coalesce(%s, profile), created_at = coalesce(%s, created_at) WHERE id = %s"
    ),
    delete="DELETE FROM users WHERE id = %s",
)

ORDERS = Statements(
    read="SELECT id, user_id, total, status, created_at FROM orders WHERE id = %s",
    page=(
        "SELECT id, user_id, total, status, created_at FROM orders ORDER BY id LIMIT %s OFFSET %s"
    ),
    create=(
        "INSERT INTO orders (user_id, total, status, created_at) VALUES (%s, %s, %s, %s) "
        "RETURNING id, user_id, total, status, created_at"
    ),
    update=(
        "UPDATE orders SET user_id = coalesce(%s, user_id), total = coalesce(%s, total), "
        "status = coalesce(%s, status), created_at = coalesce(%s, created_at) WHERE id = %s"
    ),
    delete="DELETE FROM orders WHERE id = %s",
)

ORDERS_OF_USER = (
    "SELECT id, user_id, total, status, created_at FROM orders WHERE user_id = %s ORDER BY id"
)
ORDERS_OF_USERS = (
    "SELECT id, user_id, total, status, created_at FROM orders WHERE user_id IN %s ORDER BY id"
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
