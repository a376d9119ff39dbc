"""The aiohttp application of all services: routes, input, JSON. Only the repository differs."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import HttpVersion11, hdrs, web

from workloads.contract import fields
from workloads.contract.canonical import CONTENT_TYPE
from workloads.services import inputs
from workloads.services.errors import Malformed, NotFound, Refusal, TooLarge, WrongMethod
from workloads.services.serving import BACKLOG, KEEPALIVE_S, SHUTDOWN_S, address_error

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Awaitable, Callable, Mapping

    from workloads.contract.fields import Field
    from workloads.services.repository import Row, Table
    from workloads.services.serving import Parts

    Handler = Callable[[web.Request], Awaitable[web.Response]]

_HEADERS: dict[str, str] = {hdrs.CONTENT_TYPE: CONTENT_TYPE}
# Any segment in the place of an id: by default aiohttp accepts no braces there.
_USER, _ORDER = "/users/{id:[^/]+}", "/orders/{id:[^/]+}"
_log = logging.getLogger(__name__)


async def answer(parts: Parts, listener: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests on a bound socket until ``stop`` is set; errors as of `serving.Answer`."""
    runner = web.AppRunner(
        application(parts),
        access_log=None,
        auto_decompress=False,  # an encoded body is refused by its header, unread
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        try:
            await web.SockSite(runner, listener, backlog=BACKLOG).start()
        except OSError as problem:
            raise address_error(listener.getsockname(), problem) from problem
        await stop.wait()
    finally:
        await runner.cleanup()


def application(parts: Parts) -> web.Application:
    """Return the application that answers for a repository."""
    # One more than the limit: some versions of aiohttp refuse a body of just this size.
    app = web.Application(client_max_size=fields.MAX_BODY_BYTES + 1)
    api, burden = _Api(parts), parts.burden

    async def healthy(request: web.Request) -> web.Response:
        _without_parameters(request)
        return api.answer(parts.health_now())

    users = api.resource(parts.repository.users, fields.USER)
    orders = api.resource(parts.repository.orders, fields.ORDER)
    routes: dict[str, dict[str, Handler]] = {
        "/health": {hdrs.METH_GET: healthy},
        "/users": users.collection,
        _USER: users.item,
        "/orders": orders.collection,
        _ORDER: orders.item,
        f"{_USER}/orders": {hdrs.METH_GET: api.orders_of_user},
        "/users-with-orders": {hdrs.METH_GET: api.users_with_orders},
    }
    for path, methods in routes.items():
        route = app.router.add_resource(path)
        for method, handler in methods.items():
            guarded = api.guarded(burden.on(handler) if burden else handler)
            route.add_route(method, guarded, expect_handler=_expected)
        refused = api.refuse(WrongMethod(), {hdrs.ALLOW: ", ".join(methods)})
        route.add_route(hdrs.METH_ANY, refused, expect_handler=_expected)
    nowhere = api.refuse(NotFound(), {})
    app.router.add_route(hdrs.METH_ANY, "/{path:.*}", nowhere, expect_handler=_expected)
    return app


async def _expected(request: web.Request) -> None:
    """Ask for the body that a client holds back; ignore any other expectation."""
    expectation = request.headers.get(hdrs.EXPECT, "")
    if expectation.lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer has not begun


def _row_id(request: web.Request) -> int:
    """The id in the path of an operation that has no parameters."""
    row_id = inputs.row_id(request.match_info["id"])
    _without_parameters(request)
    return row_id


def _without_parameters(request: web.Request) -> None:
    """Refuse any parameter, as unknown: the operation has none."""
    if request.query_string:
        inputs.once((name for name, _ in request.query.items()), ())


async def _body(request: web.Request) -> bytes:
    """The body of a request.

    Raises:
        UnsupportedMedia: it has another type than JSON, or is encoded.
        TooLarge: it is larger than any valid one.
        Malformed: it is not sent as its headers say.
    """
    headers = request.headers
    inputs.media(headers.get(hdrs.CONTENT_TYPE), headers.get(hdrs.CONTENT_ENCODING))
    try:
        body = await request.read()
    except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError) as problem:
        too_large = isinstance(problem, web.HTTPRequestEntityTooLarge)
        raise (TooLarge if too_large else Malformed) from None
    if len(body) > fields.MAX_BODY_BYTES:
        raise TooLarge
    return body


class _Api:
    """The handlers that are no single table's, and what all handlers share."""

    def __init__(self, parts: Parts) -> None:
        self._in_flight = parts.in_flight
        self._repository = parts.repository
        self._encode = parts.codec.encode
        self._decode = parts.codec.decode

    def answer(self, value: object, status: int = HTTPStatus.OK) -> web.Response:
        return web.Response(body=self._encode(value), status=status, headers=_HEADERS)

    def answer_row(self, row: Row | None) -> web.Response:
        if row is None:
            raise NotFound
        return self.answer(row)

    def guarded(self, handler: Handler) -> Handler:
        """Turn the exceptions of a handler into the contract's error bodies.

        This wrapper is made once; aiohttp would wrap a middleware anew for each request.
        """

        async def guard(request: web.Request) -> web.Response:
            self._in_flight.begin()
            try:
                return await handler(request)
            except Refusal as refusal:
                return self.answer(refusal.body(), refusal.status)
            except Exception as problem:  # noqa: BLE001 - a fault must answer 500, not end a trial
                _log.error("%s %s: %r", request.method, request.path_qs, problem)
                return self.answer({"error": "internal"}, HTTPStatus.INTERNAL_SERVER_ERROR)
            finally:
                self._in_flight.end()

        return guard

    def refuse(self, refusal: Refusal, headers: Mapping[str, str]) -> Handler:
        body = self._encode(refusal.body())

        async def refused(_request: web.Request) -> web.Response:
            return web.Response(body=body, status=refusal.status, headers={**_HEADERS, **headers})

        return refused

    def resource(self, table: Table, known: Mapping[str, Field]) -> _Resource:
        return _Resource(self, table, known, self._decode)

    async def orders_of_user(self, request: web.Request) -> web.Response:
        user_id = inputs.row_id(request.match_info["id"])
        limit, offset = inputs.page(request.query)
        return self.answer(await self._repository.orders_of(user_id, limit, offset))

    async def users_with_orders(self, request: web.Request) -> web.Response:
        limit, offset = inputs.page(request.query, "loading")
        loading = inputs.loading(request.query)
        return self.answer(await self._repository.users_with_orders(loading, limit, offset))


class _Resource:
    """The five operations on one table."""

    def __init__(
        self,
        api: _Api,
        table: Table,
        known: Mapping[str, Field],
        decode: Callable[[bytes], Any],
    ) -> None:
        self._api = api
        self._table = table
        self._known = known
        self._decode = decode
        self.collection: dict[str, Handler] = {
            hdrs.METH_GET: self._page,
            hdrs.METH_POST: self._create,
        }
        self.item: dict[str, Handler] = {
            hdrs.METH_GET: self._read,
            hdrs.METH_PATCH: self._update,
            hdrs.METH_DELETE: self._delete,
        }

    async def _read(self, request: web.Request) -> web.Response:
        return self._api.answer_row(await self._table.read(_row_id(request)))

    async def _page(self, request: web.Request) -> web.Response:
        limit, offset = inputs.page(request.query)
        return self._api.answer(await self._table.page(limit, offset))

    async def _create(self, request: web.Request) -> web.Response:
        _without_parameters(request)
        values = inputs.complete(self._known, await _body(request), self._decode)
        return self._api.answer(await self._table.create(values), HTTPStatus.CREATED)

    async def _update(self, request: web.Request) -> web.Response:
        row_id = _row_id(request)
        values = inputs.partial(self._known, await _body(request), self._decode)
        return self._api.answer_row(await self._table.update(row_id, values))

    async def _delete(self, request: web.Request) -> web.Response:
        if not await self._table.delete(_row_id(request)):
            raise NotFound
        return web.Response(status=HTTPStatus.NO_CONTENT)
