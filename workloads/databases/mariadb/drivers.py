"""What services on asyncmy or aiomysql share: the arguments of a connection."""

from __future__ import annotations

import importlib
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from workloads.databases.mariadb import options

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from workloads.services.settings import Database

type Driver = Literal["asyncmy", "aiomysql"]

DRIVERS: Final = ("asyncmy", "aiomysql")
# CLIENT_FOUND_ROWS of the protocol: an update counts the rows that it finds, not those that it
# changes, so that one which changes nothing still has a row.
_FOUND_ROWS: Final = 2
_DATETIME: Final = 12  # MYSQL_TYPE_DATETIME of the protocol
# Where each driver keeps how it reads and writes values; aiomysql's are PyMySQL's.
_CONVERTERS: Final = {"asyncmy": "asyncmy.converters", "aiomysql": "pymysql.converters"}


class SessionArguments(TypedDict):
    """Arguments of a connection, as both drivers name them."""

    charset: str
    client_flag: int  #: flags of the protocol
    conv: dict[object, object]  #: how values are read and written, by their type


def password(database: Database) -> str:
    """The password of the role, which no driver reads by itself."""
    return options.read(database.passfile)


def session(driver: Driver) -> SessionArguments:
    """The arguments of a driver that decide what a session answers, whatever library it is under.

    A DATETIME has no zone: it is read with the contract's.
    """
    module: Any = importlib.import_module(_CONVERTERS[driver])
    known: dict[object, Callable[[Any], Any]] = module.conversions
    read = known[_DATETIME]

    def aware(value: Any) -> datetime:  # noqa: ANN401 - bytes or a text, as the driver has it
        at: datetime = read(value)
        return at.replace(tzinfo=UTC)

    return {
        "charset": "utf8mb4",
        "client_flag": _FOUND_ROWS,
        "conv": {**known, _DATETIME: aware},
    }
