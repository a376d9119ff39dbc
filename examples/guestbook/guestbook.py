"""A guestbook: what somebody's own application may look like. It knows nothing of the lab."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

PAGE = int(os.environ.get("GUESTBOOK_PAGE", "20"))
POOL = int(os.environ.get("GUESTBOOK_POOL", "5"))
TOKEN = "Bearer guest"  # noqa: S105 - of an example
COLUMNS = "id, author, text, likes, signed_at"


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Hold the pool; where the database is, libpq's variables say."""
    async with asyncpg.create_pool(min_size=POOL, max_size=POOL) as pool:
        app.state.pool = pool
        yield


def shown(row: asyncpg.Record) -> dict[str, object]:
    """An entry as JSON."""
    return {**row, "signed_at": row["signed_at"].isoformat()}


async def healthy(request: Request) -> Response:
    """Say whether the database answers."""
    await request.app.state.pool.fetchval("SELECT 1")
    return Response("ok")


async def read(request: Request) -> Response:
    """Show one entry."""
    query = f"SELECT {COLUMNS} FROM entries WHERE id = $1"  # noqa: S608 - a constant
    row = await request.app.state.pool.fetchrow(query, request.path_params["id"])
    return JSONResponse(shown(row)) if row else Response(status_code=404)


async def entries(request: Request) -> Response:
    """Show a page of entries."""
    after = int(request.query_params.get("after", "0"))
    query = f"SELECT {COLUMNS} FROM entries WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608
    rows = await request.app.state.pool.fetch(query, after, PAGE)
    return JSONResponse({"entries": [shown(row) for row in rows]})


async def sign(request: Request) -> Response:
    """Add an entry."""
    if request.headers.get("Authorization") != TOKEN:
        return Response(status_code=401)
    given = await request.json()
    query = f"INSERT INTO entries (author, text) VALUES ($1, $2) RETURNING {COLUMNS}"  # noqa: S608
    row = await request.app.state.pool.fetchrow(query, given["author"], given["text"])
    return JSONResponse(shown(row), status_code=201)


async def like(request: Request) -> Response:
    """Count one more like of an entry."""
    if request.headers.get("Authorization") != TOKEN:
        return Response(status_code=401)
    query = f"UPDATE entries SET likes = likes + 1 WHERE id = $1 RETURNING {COLUMNS}"  # noqa: S608
    row = await request.app.state.pool.fetchrow(query, request.path_params["id"])
    return JSONResponse(shown(row)) if row else Response(status_code=404)


app = Starlette(
    routes=[
        Route("/healthz", healthy),
        Route("/entries", entries, methods=["GET"]),
        Route("/entries", sign, methods=["POST"]),
        Route("/entries/{id:int}", read),
        Route("/entries/{id:int}/likes", like, methods=["PATCH"]),
    ],
    lifespan=lifespan,
)

if __name__ == "__main__":
    uvicorn.run(app, host=sys.argv[1], port=int(sys.argv[2]), log_level="warning")
