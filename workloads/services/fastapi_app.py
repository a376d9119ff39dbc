"""The same contract in FastAPI, on uvicorn: its routing, validation and serialisation.

It follows FastAPI's documentation: path operations with typed parameters, dependencies, one model
for each body of a request and of an answer; the models validate and serialise every answer. The
contract's own error bodies and its limit of a body's size are one custom route class with its
request class.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from starlette.exceptions import HTTPException
from starlette.routing import Match
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workloads.contract import fields
from workloads.contract.canonical import CONTENT_TYPE
from workloads.services import inputs
from workloads.services.errors import Invalid, Malformed, NotFound, Refusal, TooLarge, WrongMethod
from workloads.services.fastapi_models import (
    NamedOrder,
    NewOrder,
    NewUser,
    Order,
    OrderChanges,
    User,
    UserChanges,
    UserWithOrders,
)
from workloads.services.repository import Repository, Row, Table
from workloads.services.serving import BACKLOG, KEEPALIVE_S, SHUTDOWN_S, address_error

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator

    from starlette.types import Scope

    from workloads.services.codec import Codec
    from workloads.services.serving import Parts

_log = logging.getLogger(__name__)


async def answer(parts: Parts, listener: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests on a bound socket until ``stop`` is set; errors as of `serving.Answer`."""
    config = uvicorn.Config(
        application(parts),
        http=HttpToolsProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEPALIVE_S,
        timeout_graceful_shutdown=int(SHUTDOWN_S),
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    server.should_exit = True
    try:
        await serving
    except OSError as problem:
        raise address_error(listener.getsockname(), problem) from problem


class _Server(uvicorn.Server):
    """A server that leaves the signals to the service, which stops it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(parts: Parts) -> FastAPI:
    """Return the application that answers for a repository."""
    encode = parts.codec.encode

    class CanonicalResponse(JSONResponse):
        media_type = CONTENT_TYPE

        def render(self, content: object) -> bytes:
            return encode(content)

    app = FastAPI(
        default_response_class=CanonicalResponse,
        openapi_url=None,
        redirect_slashes=False,
        # `inputs.media` checks the type of a body, as for aiohttp; older releases never check.
        strict_content_type=False,
    )
    app.state.parts = parts
    app.include_router(_router)

    @app.exception_handler(HTTPException)
    async def not_routed(request: Request, problem: HTTPException) -> Response:
        if problem.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return CanonicalResponse(NotFound().body(), NotFound.status)
        allow = {"Allow": ", ".join(_methods_of(request))}
        return CanonicalResponse(WrongMethod().body(), WrongMethod.status, headers=allow)

    return app


def _methods_of(request: Request) -> Iterator[str]:
    """The methods of the path of a request, in the order of the routes."""
    for route in _router.routes:
        if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE:
            yield from sorted(route.methods or ())


class _Request(Request):
    """A request with a body of limited size, decoded as the contract decodes JSON.

    The contract checks the path and the headers before the body.
    """

    @property
    def codec(self) -> Codec:
        """The codec of the application."""
        codec: Codec = self.app.state.parts.codec
        return codec

    async def stream(self) -> AsyncGenerator[bytes]:
        _check_id(self)
        inputs.media(self.headers.get("content-type"), self.headers.get("content-encoding"))
        length = 0
        async for piece in super().stream():
            length += len(piece)
            if length > fields.MAX_BODY_BYTES:
                raise TooLarge
            yield piece

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        try:
            value = self.codec.decode(await self.body())
        except (ValueError, RecursionError):
            raise Malformed from None
        if value is None:  # FastAPI would take it for a missing body
            raise Invalid(None)
        return value


class _Route(APIRoute):
    """A route that answers errors with the contract's error bodies."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        # ASGI passes the path unquoted, where an escaped slash divides it like any other.
        if b"%2F" in scope["raw_path"].upper():
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            parts: Parts = request.app.state.parts
            handler = parts.burden.on(handle) if parts.burden else handle
            parts.in_flight.begin()
            try:
                # The dependencies of those with parameters look at the names themselves.
                if request.scope["query_string"] and not _known(request, self.path):
                    _check_names(request, self.path)
                return await handler(_Request(request.scope, request.receive))
            except (Refusal, RequestValidationError, HTTPException) as wrong:
                refusal = _first(request, self.path) or _refusal(wrong)
                return _answered(parts, refusal.body(), refusal.status)
            except Exception as problem:  # noqa: BLE001 - a fault must answer 500, not end a trial
                path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                _log.error("%s %s: %r", request.method, path, problem)
                return _answered(parts, {"error": "internal"}, HTTPStatus.INTERNAL_SERVER_ERROR)
            finally:
                parts.in_flight.end()

        return guarded


def _answered(parts: Parts, body: dict[str, str | None], status: int) -> Response:
    return Response(parts.codec.encode(body), status, media_type=CONTENT_TYPE)


def _first(request: Request, path: str) -> Refusal | None:
    """The fault of the id or of the names of parameters, which the contract checks first.

    FastAPI checks values while it solves dependencies, in another order than the contract.
    """
    try:
        _check_names(request, path)
    except Refusal as refusal:
        return refusal
    return None


def _check_names(request: Request, path: str) -> None:
    """Refuse a wrong id in the path, then a parameter that is unknown or repeated."""
    _check_id(request)
    _once(request, _known(request, path))


def _known(request: Request, path: str) -> tuple[str, ...]:
    """The parameters of an operation, by the path of its route."""
    return _PARAMETERS.get(path, ()) if request.method == "GET" else ()


def _refusal(wrong: Refusal | RequestValidationError | HTTPException) -> Refusal:
    """The contract's refusal. FastAPI wraps any exception that is raised while it reads a body."""
    if isinstance(wrong, Refusal):
        return wrong
    if isinstance(wrong, HTTPException):
        return wrong.__cause__ if isinstance(wrong.__cause__, Refusal) else Malformed()
    errors = wrong.errors()
    # As the contract orders them: unknown fields, wrong values, missing fields.
    first = min(errors, key=lambda error: _RANK.get(error["type"], 1))
    if first["loc"] == ("body",):
        return Malformed() if first["type"] == "missing" else Invalid(None)
    return Invalid(str(first["loc"][1]))


_RANK = {"extra_forbidden": 0, "missing": 2}
_PAGED = ("limit", "offset")
_PAGED_WAYS = ("loading", *_PAGED)
_PARAMETERS = {
    **dict.fromkeys(("/users", "/orders", "/users/{row_id}/orders"), _PAGED),
    "/users-with-orders": _PAGED_WAYS,
}


_Id = Annotated[int, BeforeValidator(inputs.row_id), Path()]
_Limit = Annotated[int, BeforeValidator(inputs.number), Query(ge=1, le=fields.MAX_LIMIT)]
_Offset = Annotated[int, BeforeValidator(inputs.number), Query(ge=0, le=fields.MAX_INTEGER)]


class _Page(NamedTuple):
    limit: int
    offset: int


async def _page(
    request: Request, limit: _Limit = fields.DEFAULT_LIMIT, offset: _Offset = 0
) -> _Page:
    _once(request, _PAGED)
    return _Page(limit, offset)


async def _way(request: Request, loading: Literal["lazy", "prefetch", "join"]) -> str:
    _once(request, _PAGED_WAYS)
    return loading


async def _page_beside(limit: _Limit = fields.DEFAULT_LIMIT, offset: _Offset = 0) -> _Page:
    return _Page(limit, offset)


def _once(request: Request, known: tuple[str, ...]) -> None:
    inputs.once((name for name, _ in request.query_params.multi_items()), known)


def _check_id(request: Request) -> None:
    """Refuse a wrong id in the path before anything else that is wrong."""
    if (row_id := request.path_params.get("row_id")) is not None:
        inputs.row_id(row_id)


async def _repository(request: Request) -> Repository:
    repository: Repository = request.app.state.parts.repository
    return repository


async def _users(request: Request) -> Table:
    return (await _repository(request)).users


async def _orders(request: Request) -> Table:
    return (await _repository(request)).orders


_Rows = Annotated[Repository, Depends(_repository)]
_Users = Annotated[Table, Depends(_users)]
_Orders = Annotated[Table, Depends(_orders)]


_router = APIRouter(route_class=_Route)


@_router.get("/health")
async def _health(request: Request) -> dict[str, object]:
    health: dict[str, object] = request.app.state.parts.health_now()
    return health


@_router.get("/users", response_model=list[User])
async def _list_users(users: _Users, page: Annotated[_Page, Depends(_page)]) -> list[Row]:
    return await users.page(*page)


@_router.post("/users", response_model=User, status_code=HTTPStatus.CREATED)
async def _create_user(users: _Users, body: NewUser) -> Row:
    return await users.create(body.values())


@_router.get("/users/{row_id}", response_model=User)
async def _read_user(users: _Users, row_id: _Id) -> Row:
    return _found(await users.read(row_id))


@_router.patch("/users/{row_id}", response_model=User)
async def _update_user(users: _Users, row_id: _Id, body: UserChanges) -> Row:
    return _found(await users.update(row_id, body.values()))


@_router.delete("/users/{row_id}", response_model=None, status_code=HTTPStatus.NO_CONTENT)
async def _delete_user(users: _Users, row_id: _Id) -> None:
    _found(await users.delete(row_id) or None)


@_router.get("/orders", response_model=list[Order])
async def _list_orders(orders: _Orders, page: Annotated[_Page, Depends(_page)]) -> list[Row]:
    return await orders.page(*page)


@_router.post("/orders", response_model=Order, status_code=HTTPStatus.CREATED)
async def _create_order(orders: _Orders, body: NewOrder) -> Row:
    return await orders.create(body.values())


@_router.get("/orders/{row_id}", response_model=Order)
async def _read_order(orders: _Orders, row_id: _Id) -> Row:
    return _found(await orders.read(row_id))


@_router.patch("/orders/{row_id}", response_model=Order)
async def _update_order(orders: _Orders, row_id: _Id, body: OrderChanges) -> Row:
    return _found(await orders.update(row_id, body.values()))


@_router.delete("/orders/{row_id}", response_model=None, status_code=HTTPStatus.NO_CONTENT)
async def _delete_order(orders: _Orders, row_id: _Id) -> None:
    _found(await orders.delete(row_id) or None)


@_router.get("/users/{row_id}/orders", response_model=list[NamedOrder])
async def _orders_of_user(
    rows: _Rows, row_id: _Id, page: Annotated[_Page, Depends(_page)]
) -> list[Row]:
    return await rows.orders_of(row_id, *page)


@_router.get("/users-with-orders", response_model=list[UserWithOrders])
async def _users_with_orders(
    rows: _Rows,
    page: Annotated[_Page, Depends(_page_beside)],
    loading: Annotated[str, Depends(_way)],
) -> list[Row]:
    return await rows.users_with_orders(loading, *page)


def _found[Found](value: Found | None) -> Found:
    if value is None:
        raise NotFound
    return value
