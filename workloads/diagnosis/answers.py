"""What every subject must answer alike, every time.

Of a service these are status, headers and bytes. Of an application these are status, type and JSON:
in canonical form, without the keys that it declares to vary.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from bundle.documents import readings
from workloads.contract.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workloads.contract.client import Answer
    from workloads.load.requests import Request


class KnownRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request without a body whose answer is known."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    #: keys of the answer that may vary; null where its bytes are compared
    varies: tuple[str, ...] | None = None

    @classmethod
    def of(cls, request: Request, varies: Sequence[str] | None = None) -> KnownRequest:
        """The probe that sends a request."""
        return cls(
            method=request.method,
            path=request.path,
            headers=request.headers,
            varies=None if varies is None else tuple(varies),
        )


def canonical(body: bytes, varies: Iterable[str]) -> bytes:
    """A body as JSON without blanks, keys sorted and without those that vary, wherever they stand.

    A body that is no JSON stays as it is.
    """
    try:
        value = json.loads(body)
    except ValueError:
        return body
    kept = _without(value, frozenset(varies))
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _without(value: object, varies: frozenset[str]) -> object:
    if isinstance(value, dict):
        return {key: _without(each, varies) for key, each in value.items() if key not in varies}
    if isinstance(value, list):
        return [_without(each, varies) for each in value]
    return value


def record(request: str, answer: Answer, varies: Sequence[str] | None = None) -> readings.Answer:
    """Return the record of an answer to a request of this method and path.

    ``varies`` are the keys of an application's answer that may vary; None for a service.
    """
    alike: str | UnsetType = UNSET
    if varies is not None:
        alike = hashlib.sha256(canonical(answer.body, varies)).hexdigest()
    return readings.Answer(
        request=request,
        status=answer.status,
        content_type=answer.header("Content-Type"),
        content_length=answer.header("Content-Length"),
        sha256=hashlib.sha256(answer.body).hexdigest(),
        bytes=len(answer.body),
        canonical=alike,
    )


def ask(url: str, probes: Iterable[KnownRequest]) -> list[readings.Answer]:
    """Send requests, one after the other, and record the answers.

    Raises:
        OSError: the service cannot be reached.
        http.client.HTTPException: what came is not HTTP.
    """
    with Client(url) as client:
        return [
            record(
                f"{probe.method} {probe.path}",
                client.send(probe.method, probe.path, headers=dict(probe.headers)),
                probe.varies,
            )
            for probe in probes
        ]
