"""Whether a synchronous and an asynchronous engine work on one database in one program."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Integer, create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class _Base(DeclarativeBase):
    """The one model of both engines."""


class _Row(_Base):
    """A row that one engine writes and the other reads."""

    __tablename__ = "rows"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)


async def read(file: Path) -> list[int]:
    """The rows as an asynchronous session sees them."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
    async with AsyncSession(engine) as session:
        found = list(await session.scalars(select(_Row.id)))
    await engine.dispose()
    return found


with TemporaryDirectory() as folder:
    path = Path(folder) / "rows.db"
    blocking = create_engine(f"sqlite:///{path}")
    _Base.metadata.create_all(blocking)
    with Session(blocking) as written:
        written.add_all([_Row(id=1), _Row(id=2)])
        written.commit()
    print(f"written by one engine and read by the other: {asyncio.run(read(path))}")
