"""What of an answer must be the same whoever gives it, and whenever: status, headers, bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bundle.documents import readings
from workloads.contract.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workloads.contract.client import Answer


def record(request: str, answer: Answer) -> readings.Answer:
    """What is kept of an answer; ``request`` is its method and path."""
    return readings.Answer(
        request=request,
        status=answer.status,
        content_type=answer.header("Content-Type"),
        content_length=answer.header("Content-Length"),
        sha256=hashlib.sha256(answer.body).hexdigest(),
        bytes=len(answer.body),
    )


def ask(url: str, requests: Iterable[str]) -> list[readings.Answer]:
    """Send requests without a body to a service, one after the other, and record its answers.

    Args:
        url: of the service.
        requests: method and path of each.

    Raises:
        OSError: the service cannot be reached.
        http.client.HTTPException: what came is not HTTP.
    """
    with Client(url) as client:
        parted = ((each, *each.partition(" ")[::2]) for each in requests)
        return [record(each, client.send(method, path)) for each, method, path in parted]
