"""The least HTTP client that the suite needs: the host of a service has no other."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_TIMEOUT_S = 30


@dataclass(frozen=True)
class Answer:
    """What a service answered."""

    status: int  #: HTTP status
    reason: str  #: its phrase
    headers: list[tuple[str, str]]  #: in the order they came
    body: bytes  #: its bytes

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None; names are compared without case."""
        return next((text for key, text in self.headers if key.lower() == name.lower()), None)


class Client:
    """One connection to a service, opened again when the service closed it."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=_TIMEOUT_S
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return the answer.

        Args:
            method: HTTP method.
            path: path and query.
            body: None sends none.
            headers: in place of the Content-Type that a body has by itself.

        Raises:
            OSError: the service cannot be reached or closed the connection.
            http.client.HTTPException: what came is not HTTP.
        """
        own = {} if body is None else {"Content-Type": "application/json"}
        self._connection.request(method, path, body, own | dict(headers or {}))
        response = self._connection.getresponse()
        return Answer(response.status, response.reason, response.getheaders(), response.read())
