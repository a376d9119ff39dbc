"""What the asynchronous and the synchronous engine have in common: statements, and refusals."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.attributes import flag_modified

from workloads.databases.mariadb import codes
from workloads.services.errors import conflict
from workloads.services.sqlalchemy.models import Order, User

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Select

    from workloads.services.repository import Fields
    from workloads.services.sqlalchemy.models import Base

    type Model = type[User | Order]


def page(model: Model, limit: int, offset: int) -> Select[Base]:
    """Rows of a table by id."""
    return select(model).order_by(model.id).limit(limit).offset(offset)


def orders_of(user_id: int, limit: int, offset: int) -> Select[Order]:
    """Orders of a user, each with the user's name: one join."""
    return (
        select(Order)
        .options(joinedload(Order.user, innerjoin=True).load_only(User.username))
        .where(Order.user_id == user_id)
        .order_by(Order.id)
        .limit(limit)
        .offset(offset)
    )


def users_with_orders(loading: str, limit: int, offset: int) -> Select[User]:
    """Users whose orders are loaded by one of the three kinds of loading."""
    statement = select(User).order_by(User.id).limit(limit).offset(offset)
    if loading == "prefetch":
        return statement.options(selectinload(User.orders))
    return statement.options(joinedload(User.orders)) if loading == "join" else statement


def change(entity: Base, fields: Fields) -> None:
    """Set fields of an entity, so that each is written even if its value is the same."""
    for name, value in fields.items():
        setattr(entity, name, value)
        flag_modified(entity, name)


@asynccontextmanager
async def refusing(*, deleting: bool = False) -> AsyncIterator[None]:
    """Turn an error of the database into the contract's refusal, if there is one."""
    try:
        yield
    except DBAPIError as violation:
        own = violation.orig
        if codes.number(own) is not None:  # a driver of MariaDB
            refusal = codes.refusal(own, deleting=deleting)
        else:
            refusal = conflict(getattr(own, "sqlstate", None), deleting=deleting)
        raise refusal or violation from violation
