"""Let pytest run printed code as a test, with an ``async_session`` of SQLAlchemy: ``FILE``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class _Fixtures:
    """The fixture that the printed test asks for and does not define."""

    @pytest_asyncio.fixture
    async def async_session(self) -> AsyncIterator[AsyncSession]:
        """A session on an empty database."""
        engine = create_async_engine("sqlite+aiosqlite://")
        async with AsyncSession(engine) as session:
            yield session
        await engine.dispose()


class _Errors:
    """Says why a test failed, without the code around it."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The last line of what pytest knows of a failure."""
        if report.failed and report.longrepr is not None:
            crash = getattr(report.longrepr, "reprcrash", None)
            print(f"{report.when} fails: {crash.message if crash else report.longrepr}")
        elif report.when == "call" and report.passed:
            print("the test passes")


with TemporaryDirectory() as folder:
    test = Path(folder) / "test_printed.py"
    shutil.copyfile(sys.argv[1], test)
    off = [
        part for each in ("cacheprovider", "terminal", "django") for part in ("-p", f"no:{each}")
    ]
    status = pytest.main([*off, f"--rootdir={folder}", str(test)], plugins=[_Fixtures(), _Errors()])
sys.exit(status)
