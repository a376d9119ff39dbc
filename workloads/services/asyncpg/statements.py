"""The hand-written SQL of the service without an ORM; columns in the contract's order.

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
    create: str  #: takes every column but the id
    update: str  #: takes an id and every other column, null for those that do not change
    delete: str  #: takes an id


USERS = Statements(
    read="SELECT id, username, email, profile, created_at FROM users WHERE id = $1",
    page=(
        "SELECT id, username, email, profile, created_at FROM users ORDER BY id LIMIT $1 OFFSET $2"
    ),
    create=(
        "INSERT INTO users (username, email, profile, created_at) VALUES ($1, $2, $3, $4) "
        "RETURNING id, username, email, profile, created_at"
    ),
    update=(
        "UPDATE users SET username = coalesce($2, username), email = coalesce($3, email), "
        "profile = coalesce($4, profile), created_at = coalesce($5, created_at) WHERE id = $1 "
        "RETURNING id, username, email, profile, created_at"
    ),
    delete="DELETE FROM users WHERE id = $1",
)

ORDERS = Statements(
    read="SELECT id, user_id, total, status, created_at FROM orders WHERE id = $1",
    page=(
        "SELECT id, user_id, total, status, created_at FROM orders ORDER BY id LIMIT $1 OFFSET $2"
    ),
    create=(
        "INSERT INTO orders (user_id, total, status, created_at) VALUES ($1, $2, $3, $4) "
        "RETURNING id, user_id, total, status, created_at"
    ),
    update=(
        "UPDATE orders SET user_id = coalesce($2, user_id), total = coalesce($3, total), "
        "status = coalesce($4, status), created_at = coalesce($5, created_at) WHERE id = $1 "
        "RETURNING id, user_id, total, status, created_at"
    ),
    delete="DELETE FROM orders WHERE id = $1",
)

ORDERS_OF_USER = (
    "SELECT id, user_id, total, status, created_at FROM orders WHERE user_id = $1 ORDER BY id"
)
ORDERS_OF_USERS = (
    "SELECT id, user_id, total, status, created_at FROM orders WHERE user_id = ANY($1) ORDER BY id"
)
ORDERS_WITH_USERNAME = (
    "SELECT o.id, o.user_id, o.total, o.status, o.created_at, u.username "
    "FROM orders o JOIN users u ON u.id = o.user_id "
    "WHERE o.user_id = $1 ORDER BY o.id LIMIT $2 OFFSET $3"
)
USERS_JOIN_ORDERS = (
    "SELECT u.id, u.username, u.email, u.profile, u.created_at, "
    "o.id, o.user_id, o.total, o.status, o.created_at "
    "FROM (SELECT * FROM users ORDER BY id LIMIT $1 OFFSET $2) u "
    "LEFT JOIN orders o ON o.user_id = u.id ORDER BY u.id, o.id"
)
