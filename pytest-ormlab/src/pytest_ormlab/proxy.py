"""The source at the wire: a proxy that any driver in any process connects to."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from pytest_ormlab.queries import Queries
from pytest_ormlab.session import BODIES, Session
from pytest_ormlab.wire.relay import Location, Relay

if TYPE_CHECKING:
    from collections.abc import Iterable

_PORT = 5432
# Parameters of an address that say where the server is, or how to encrypt what the proxy must read.
_REPLACED = ("host", "hostaddr", "port", "ssl", "gssenc")


class QueryProxy(Relay):
    """Stands in front of one PostgreSQL server and reports every query; a context manager."""

    def __init__(self, url: str, *, ignored: Iterable[str] = ()) -> None:
        """Listen in front of the server of an address.

        Args:
            url: such as ``postgresql://user:password@host:5432/database``, with any scheme; for a
                Unix socket with its folder as the parameter ``host``.
            ignored: regular expressions of queries that are not reported.

        Raises:
            ValueError: the address has no form that can be read.
            OSError: it cannot listen.
        """
        self._url = urlsplit(url)
        self.queries = Queries(ignored=ignored)  #: what its clients execute
        numbers = count(1)

        def watch() -> Session:
            number = next(numbers)
            return Session(lambda text: self.queries.record(text, connection=number))

        super().__init__(_server(self._url), watch, bodies=BODIES)

    @property
    def host(self) -> str:
        """What clients connect to: an address, or the folder of a Unix socket."""
        return self.location.host

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return self.location.port

    @property
    def url(self) -> str:
        """The server's address with the proxy in its place, without parameters of encryption."""
        return self.url_for(self._url.scheme)

    def url_for(self, scheme: str) -> str:
        """The same with another scheme, such as ``postgresql+asyncpg``."""
        user, at, _ = self._url.netloc.rpartition("@")
        kept = [
            (key, value)
            for key, value in parse_qsl(self._url.query, keep_blank_values=True)
            if not key.startswith(_REPLACED)
        ]
        place = f"{self.host}:{self.port}"
        if self.location.local:
            place = ""
            kept.append(("host", self.host))
            kept += [("port", str(self.port))] if self.port != _PORT else []
        query = urlencode(kept, quote_via=quote)
        path = f"{self._url.path}?{query}" if query else self._url.path
        return f"{scheme}://{user}{at}{place}{path}"


def _server(url: SplitResult) -> Location:
    """Where the server of an address is."""
    if not url.scheme or "," in url.netloc:
        raise ValueError(
            "the address of the server is to be that of one server, such as "
            f"postgresql://user@127.0.0.1:5432/app, not {_without_password(url)!r}"
        )
    parameters = dict(parse_qsl(url.query))
    host = parameters.get("host") or unquote(url.hostname or "") or "127.0.0.1"
    return Location(host, int(parameters.get("port") or url.port or _PORT))


def _without_password(url: SplitResult) -> str:
    user, at, place = url.netloc.rpartition("@")
    return url._replace(netloc=f"{user.partition(':')[0]}{at}{place}").geturl()
