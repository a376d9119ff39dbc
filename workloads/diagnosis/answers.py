"""What every service must answer alike, every time: status, headers, bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bundle.documents import readings
from workloads.contract.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workloads.contract.client import Answer


def record(request: str, answer: Answer) -> readings.Answer:
    """Return the record of an answer to a request of this method and path."""
    return readings.Answer(
        request=request,
        status=answer.status,
        content_type=answer.header("Content-Type"),
        content_length=answer.header("Content-Length"),
        sha256=hashlib.sha256(answer.body).hexdigest(),
        bytes=len(answer.body),
    )


def ask(url: str, requests: Iterable[str]) -> list[readings.Answer]:
    """Send requests, each a method and a path, one after the other and record the answers.

    Raises:
        OSError: the service cannot be reached.
        http.client.HTTPException: what came is not HTTP.
    """
    with Client(url) as client:
        parted = ((request, *request.partition(" ")[::2]) for request in requests)
        return [record(request, client.send(method, path)) for request, method, path in parted]
