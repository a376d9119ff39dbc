"""The asyncpg service with one fault: ``python broken_service.py FAULT SETTINGS.json``."""

import json
import sys
from dataclasses import replace

from aiohttp import web

from workloads.services import __main__ as program
from workloads.services import app, codec, inputs
from workloads.services.asyncpg import repository as asyncpg_repository
from workloads.services.asyncpg import statements


def sql(table, **changes):
    setattr(statements, table, replace(getattr(statements, table), **changes))


def use_codec(encode):
    real = codec._stdlib()
    app_codec = codec.Codec(lambda value: encode(real.encode(value)), real.decode)
    codec._stdlib = lambda: app_codec


def wrong_byte():
    use_codec(lambda body: body.replace(b"user-0000000001@", b"user-0000000002@"))


def blanks():
    use_codec(lambda body: json.dumps(json.loads(body), ensure_ascii=False).encode())


def escapes():
    compact = (",", ":")
    use_codec(lambda body: json.dumps(json.loads(body), separators=compact).encode())


def other_type():
    app._HEADERS["Content-Type"] = "application/json"


def chunked():
    class Chunked(web.Response):
        def __init__(self, **how):
            super().__init__(**how)
            self.enable_chunked_encoding()

    app.web.Response = Chunked


def key_order():
    columns = "id, email, username, profile, created_at"
    sql("USERS", read=f"SELECT {columns} FROM users WHERE id = $1")


def newest_first():
    sql("ORDERS", page=statements.ORDERS.page.replace("ORDER BY id", "ORDER BY id DESC"))


def no_offset():
    sql("USERS", page=statements.USERS.page.replace("OFFSET $2", "OFFSET 0 * $2::int"))


def longer_pages():
    inputs.DEFAULT_LIMIT = 11


def inner_join():
    join = statements.USERS_JOIN_ORDERS.replace("LEFT JOIN", "JOIN")
    statements.USERS_JOIN_ORDERS = join


def deletes_nothing():
    sql("ORDERS", delete="UPDATE orders SET total = total WHERE id = $1")


def deletes_too_much():
    sql("ORDERS", delete="DELETE FROM orders WHERE id IN ($1, $1 - 1)")


def updates_too_much():
    update = statements.ORDERS.update.replace("WHERE id = $1", "WHERE id IN ($1, 5)")
    sql("ORDERS", update=f"WITH changed AS ({update}) SELECT * FROM changed WHERE id = $1")


def stores_something_else():
    sql(
        "USERS",
        create=(
            "INSERT INTO users (username, email, profile, created_at) "
            "VALUES ($1, $2, upper($3), $4) "
            "RETURNING id, username, email, $3::text AS profile, created_at"
        ),
    )


def duplicates_fail():
    asyncpg_repository.conflict = lambda *_, **__: None


def accepts_unknown_fields():
    real = inputs._values

    def lenient(fields, body, decode):
        document = decode(body)
        if isinstance(document, dict):
            body = json.dumps({k: v for k, v in document.items() if k in fields}).encode()
        return real(fields, body, decode)

    inputs._values = lenient


def lacks_writes_and_join():
    async def lacking(*_):
        raise NotImplementedError

    for verb in ("create", "update", "delete"):
        setattr(asyncpg_repository._Table, verb, lacking)
    asyncpg_repository.PlainRepository._join = lacking


if __name__ == "__main__":
    _, fault, settings = sys.argv
    globals()[fault]()
    sys.exit(program.main([settings]))
