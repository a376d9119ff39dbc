"""A minimal HTTP client for the suite: the host of a service has no other."""

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
    """The answer of a service."""

    status: int  #: HTTP status
    reason: str  #: phrase of the status
    headers: list[tuple[str, str]]  #: in the order in which they came
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the value of a header, whatever the case of its name, or None."""
        return next((text for key, text in self.headers if key.lower() == name.lower()), None)


class Client:
    """One connection to a service, reopened if the service closes it."""

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
        """Send one request and return the answer; a body is JSON unless ``headers`` say otherwise.

        Raises:
            OSError: the service cannot be reached or closed the connection.
            http.client.HTTPException: the answer is not HTTP.
        """
        own = {} if body is None else {"Content-Type": "application/json"}
        self._connection.request(method, path, body, own | dict(headers or {}))
        response = self._connection.getresponse()
        return Answer(response.status, response.reason, response.getheaders(), response.read())
