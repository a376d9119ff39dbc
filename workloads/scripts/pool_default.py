"""The size of the pool and of its overflow that SQLAlchemy gives an engine by default."""

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import QueuePool

pool = create_async_engine("postgresql+asyncpg://localhost/nothing").pool
if not isinstance(pool, QueuePool):
    raise SystemExit(f"the pool is a {type(pool).__name__}")
# No method gives the limit of the overflow.
print(f"{pool.size()}+{pool._max_overflow}")  # noqa: SLF001
