"""The operations on the contract that a workload is made of."""

from __future__ import annotations

import msgspec

from bundle.meant import meant
from workloads.contract.fields import LOADINGS, OPERATIONS

METHODS = {"read": "GET", "create": "POST", "update": "PATCH", "delete": "DELETE"}
SUCCESS = {"GET": 200, "POST": 201, "PATCH": 200, "DELETE": 204}
LISTS = {
    "list-users": "/users",
    "list-orders": "/orders",
    "users-with-orders": "/users-with-orders",
}


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operation of a workload and its share of the requests.

    Raises:
        ValueError: a field has no meaning for this operation; the message says which.
    """

    name: str  #: one of ``OPERATIONS``
    weight: float = 1.0  #: its share, relative to the others'
    #: always this row instead of a uniformly drawn one; not for creates and deletes
    id: int | None = None
    limit: int | None = None  #: query parameter of a list; None leaves it to the contract's default
    #: query parameter of a list; None leaves it to the contract's default
    offset: int | None = None
    loading: str | None = None  #: how ``users-with-orders`` gets the orders, one of ``LOADINGS``

    def __post_init__(self) -> None:
        if self.name not in OPERATIONS:
            near = meant(self.name, OPERATIONS, "; {}")
            raise ValueError(f"no operation is called {self.name}: {', '.join(OPERATIONS)}{near}")
        if not 0 < self.weight < float("inf"):
            raise ValueError(f"{self.name}: weight must be above 0, not {self.weight}")
        if self.id is not None and (self.name in LISTS or not self.repeatable):
            raise ValueError(f"{self.name} takes no fixed id")
        is_list = self.name in LISTS or self.name == "user-orders"
        if not is_list and (self.limit is not None or self.offset is not None):
            raise ValueError(f"{self.name} takes neither limit nor offset")
        loadings = LOADINGS if self.name == "users-with-orders" else (None,)
        if self.loading not in loadings:
            raise ValueError(f"{self.name}: loading must be one of {loadings}, not {self.loading}")

    @property
    def repeatable(self) -> bool:
        """Whether the same request may be sent twice: neither a create nor a delete."""
        return not self.name.startswith(("create-", "delete-"))

    @property
    def relation(self) -> str | None:
        """``user`` or ``order``, whose row the operation names by id; None for a list."""
        if self.name == "user-orders":
            return "user"
        return None if self.name in LISTS else self.name.rpartition("-")[2]

    @property
    def query(self) -> str:
        """The query string, with its question mark; empty without parameters."""
        given = {"loading": self.loading, "limit": self.limit, "offset": self.offset}
        pairs = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
        return f"?{pairs}" if pairs else ""
