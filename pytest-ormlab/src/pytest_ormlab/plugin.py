"""The fixtures, the options, and what the plugin adds to pytest's output."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_ormlab.comparison import (
    Comparison,
    Verdict,
    async_slice,
    measure,
    run_at_once,
    sync_slice,
)
from pytest_ormlab.proxy import QueryProxy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from pytest_ormlab.queries import Captured, Queries

_PROXY = pytest.StashKey[QueryProxy]()
_COMPARED = "ormlab_compare"  # name of the property of a test that holds a comparison
MARGIN = 0.10
BLOCKS = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    group = parser.getgroup("ormlab", "queries and speed (pytest-ormlab)")
    group.addoption(
        "--ormlab-server",
        metavar="URL",
        help="address of the PostgreSQL server that the proxy passes connections on to",
    )
    group.addoption(
        "--ormlab-strict",
        action="store_true",
        help="let a comparison that is INCONCLUSIVE fail its test",
    )
    parser.addini(
        "ormlab_ignore",
        type="linelist",
        help="regular expressions of queries that the proxy does not count, one a line",
    )


@pytest.fixture(scope="session")
def ormlab_server(pytestconfig: pytest.Config) -> str:
    """Address of the PostgreSQL server: ``--ormlab-server``, or override this fixture."""
    url: str | None = pytestconfig.getoption("--ormlab-server")
    if url is None:
        pytest.fail(
            "pytest-ormlab does not know your PostgreSQL server: give its address by "
            "--ormlab-server=postgresql://user:password@host:5432/database, or define a fixture "
            "`ormlab_server` of scope session in conftest.py that returns it",
            pytrace=False,
        )
    return url


@pytest.fixture(scope="session")
def ormlab_proxy(ormlab_server: str, pytestconfig: pytest.Config) -> Iterator[QueryProxy]:
    """Give a running proxy in front of the server; one for each worker of pytest-xdist."""
    with QueryProxy(ormlab_server, ignored=pytestconfig.getini("ormlab_ignore")) as proxy:
        pytestconfig.stash[_PROXY] = proxy
        yield proxy
        del pytestconfig.stash[_PROXY]


@pytest.fixture(scope="session")
def ormlab_queries(ormlab_proxy: QueryProxy) -> Queries:
    """What is counted: the queries at the proxy. Override it to count at another source."""
    return ormlab_proxy.queries


class AssertQueries:
    """Counts the queries of a block, and fails the test if there are too many or too few."""

    def __init__(self, queries: Queries, *, exact: bool) -> None:
        self._queries = queries
        self._exact = exact

    def __call__(
        self, num: int, info: str | None = None, *, upkeep: bool = False
    ) -> AbstractContextManager[Captured]:
        """Count during a ``with`` block, which gets what is counted.

        Args:
            num: how many queries the block sends, or may send at most.
            info: a sentence for the message of a failure.
            upkeep: whether statements that begin or end transactions, or reset a session, count.
        """
        complaint = partial(self._complaint, num, info)
        return _Block(self._queries.capture(upkeep=upkeep), complaint)

    def _complaint(self, num: int, info: str | None, captured: Captured) -> str | None:
        sent = len(captured)
        if sent == num or (not self._exact and sent < num):
            return None
        bound = "" if self._exact else "at most "
        expected = f"{bound}{num} {'query' if num == 1 else 'queries'}"
        done = "1 was" if sent == 1 else f"{sent} were"
        parts = (f"Expected {expected}, but {done} sent.", info, str(captured))
        return "\n\n".join(part for part in parts if part)


class _Block:
    """A capture that is judged at its end, unless its block failed by itself.

    A class, because the frames of a generator's context manager would stand in the traceback.
    """

    def __init__(
        self,
        capture: AbstractContextManager[Captured],
        complaint: Callable[[Captured], str | None],
    ) -> None:
        self._capture = capture
        self._complaint = complaint
        self._captured: Captured

    def __enter__(self) -> Captured:
        self._captured = self._capture.__enter__()
        return self._captured

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        self._capture.__exit__(kind, problem, traceback)
        if problem is None and (text := self._complaint(self._captured)):
            pytest.fail(text)


@pytest.fixture
def assert_num_queries(ormlab_queries: Queries) -> AssertQueries:
    """Fail a test unless a block sends exactly so many queries: `AssertQueries`."""
    return AssertQueries(ormlab_queries, exact=True)


@pytest.fixture
def assert_max_num_queries(ormlab_queries: Queries) -> AssertQueries:
    """Fail a test if a block sends more queries: `AssertQueries`."""
    return AssertQueries(ormlab_queries, exact=False)


class _Judge:
    """Notes comparisons with their test, and fails it where one says so."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._properties = request.node.user_properties
        self._strict: bool = request.config.getoption("--ormlab-strict")

    def judge(self, comparison: Comparison, *, strict: bool | None) -> Comparison:
        __tracebackhide__ = True
        self._properties.append((_COMPARED, str(comparison)))
        strict = self._strict if strict is None else strict
        if comparison.verdict is Verdict.SLOWER:
            pytest.fail(str(comparison))
        if comparison.verdict is Verdict.INCONCLUSIVE and strict:
            pytest.fail(f"{comparison} The comparison is strict.")
        return comparison


class Compare(_Judge):
    """Measures two callables in turn, and fails the test if the first one is slower."""

    def __call__(
        self,
        candidate: Callable[[], object],
        baseline: Callable[[], object],
        *,
        margin: float = MARGIN,
        blocks: int = BLOCKS,
        strict: bool | None = None,
    ) -> Comparison:
        """Compare the time of a call.

        Args:
            candidate: what must not be slower; called without arguments, many times.
            baseline: what it is held against.
            margin: by how much the candidate may be slower, as a fraction.
            blocks: how many ratios the interval is made from, at least 6; each takes four slices
                of 10 ms, or four calls if a call takes longer.
            strict: whether INCONCLUSIVE fails the test; by default ``--ormlab-strict`` decides.

        Raises:
            TypeError: a callable returns something to await.
            ValueError: the margin or the number of blocks cannot be used.
        """
        __tracebackhide__ = True
        arms = sync_slice(candidate), sync_slice(baseline)
        return self.judge(run_at_once(measure(*arms, margin=margin, blocks=blocks)), strict=strict)


class CompareAsync(_Judge):
    """The same for callables whose results are awaited, on any event loop."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        super().__init__(request)
        self.called = 0  #: how often it was called
        self.awaited = 0  #: how often that was awaited

    def __call__(
        self,
        candidate: Callable[[], Awaitable[object]],
        baseline: Callable[[], Awaitable[object]],
        *,
        margin: float = MARGIN,
        blocks: int = BLOCKS,
        strict: bool | None = None,
    ) -> Coroutine[object, None, Comparison]:
        """Compare the time of an awaited call; see `Compare`, and await the result.

        Raises:
            TypeError: a callable returns nothing to await.
            ValueError: the margin or the number of blocks cannot be used.
        """
        self.called += 1
        arms = async_slice(candidate), async_slice(baseline)

        async def compared() -> Comparison:
            __tracebackhide__ = True
            self.awaited += 1
            return self.judge(await measure(*arms, margin=margin, blocks=blocks), strict=strict)

        return compared()


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Compare:
    """Fail a test only if one callable is slower than another beyond a margin: `Compare`."""
    return Compare(request)


@pytest.fixture
def compare_async(request: pytest.FixtureRequest) -> Iterator[CompareAsync]:
    """Do the same for callables whose results are awaited: `CompareAsync`."""
    comparing = CompareAsync(request)
    yield comparing
    if comparing.awaited < comparing.called:
        pytest.fail("compare_async was called and not awaited: nothing was compared", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say with a failed test why clients got no session at the proxy."""
    report = yield
    proxy = item.config.stash.get(_PROXY, None)
    if report.failed and proxy is not None:
        told = list(dict.fromkeys(proxy.refusals))
        if not proxy.connections and not told and "ormlab_proxy" in _fixtures(item):
            told = [f"nothing has connected to the proxy so far: its address is {proxy.location}"]
        if told:
            report.sections.append(("ormlab proxy", "\n".join(told)))
    if report.when == "teardown" and proxy is not None:
        proxy.refusals.clear()
    return report


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print every comparison, in the process that prints the results of all workers."""
    lines = [
        f"{report.nodeid}: {text}"
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.when == "call"
        for name, text in report.user_properties
        if name == _COMPARED
    ]
    if lines:
        terminalreporter.section("comparisons (pytest-ormlab)")
        for line in lines:
            terminalreporter.line(line)
