"""What each ORM provides; all services share everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from workloads.contract.fields import ORDER_COLUMNS, USER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# One row, columns in the contract's order; instants are datetimes in UTC. A dictionary, because
# the JSON libraries take that: converting to a common type would be work that the lab adds.
type Row = dict[str, Any]
type Fields = Mapping[str, Any]  # the values of a body, each checked against its field


class Table(Protocol):
    """The rows of users or of orders."""

    async def read(self, row_id: int) -> Row | None:
        """Return a row, or None if there is none."""

    async def page(self, limit: int, offset: int) -> list[Row]:
        """Return at most ``limit`` rows by id, after leaving out ``offset``."""

    async def create(self, fields: Fields) -> Row:
        """Insert a row with all its fields and return it with its new id.

        Raises:
            Refusal: Duplicate or UnknownUser.
        """

    async def update(self, row_id: int, fields: Fields) -> Row | None:
        """Change some fields of a row and return all of it, or None if there is no such row.

        Raises:
            Refusal: Duplicate or UnknownUser.
        """

    async def delete(self, row_id: int) -> bool:
        """Delete a row and return whether there was one.

        Raises:
            Refusal: UserHasOrders.
        """


class Repository(Protocol):
    """Both tables and the queries that join them, over one connection pool."""

    @property
    def users(self) -> Table:
        """The users."""

    @property
    def orders(self) -> Table:
        """The orders."""

    async def open(self) -> None:
        """Open the pool completely: every one of its connections."""

    async def close(self) -> None:
        """Close the pool."""

    async def orders_of(self, user_id: int, limit: int, offset: int) -> list[Row]:
        """Return orders of a user by id, each with the user's ``username`` as last key."""

    async def users_with_orders(self, loading: str, limit: int, offset: int) -> list[Row]:
        """Return users by id, each with its ``orders``, a list of rows by id, as last key.

        Args:
            loading: ``lazy`` sends one query for the users and one for the orders of each;
                ``prefetch`` sends two in all; ``join`` sends one.
            limit: largest number of users.
            offset: number of users to leave out.
        """


def by_user(joined: Iterable[tuple[Any, ...]]) -> list[Row]:
    """Fold the rows of ``users LEFT JOIN orders`` into users with their ``orders``.

    A row has the columns of a user, then those of an order (null for a user without orders). The
    rows are ordered by both ids.
    """
    width = len(USER_COLUMNS)
    users: dict[int, Row] = {}
    for values in joined:
        user = users.get(values[0])
        if user is None:
            user = dict(zip(USER_COLUMNS, values[:width], strict=True), orders=[])
            users[values[0]] = user
        if values[width] is not None:
            user["orders"].append(dict(zip(ORDER_COLUMNS, values[width:], strict=True)))
    return list(users.values())
