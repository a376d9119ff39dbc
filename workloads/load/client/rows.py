"""The request table as bytes for the wire, prebuilt before the load begins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, cycle, islice, repeat
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from workloads.load.client.failure import LoadError
from workloads.load.requests import Request, bracketed, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bundle.generators.client import Spec

# What to write, the index of its operation and, where the body of its answer shall be hashed, the
# name under which to keep the digest.
Row = tuple[bytes, int, str | None]

# A short table is repeated up to this length, so that a fraction of its rows can be marked.
_UNROLLED = 8192


@dataclass(frozen=True)
class Table:
    """One process's share of a request table."""

    operations: list[str]  #: names in the order of their first request in the whole table
    expected: dict[str, int]  #: by operation, its status of success
    rows: Iterator[Row]  #: what to send, in order; endless if the table may be repeated


def load(spec: Spec, process: int) -> Table:
    """Read the table of a spec and prepare every ``spec.processes``-th request of it.

    Raises:
        LoadError: code ``table``: the file is missing or is no request table.
    """
    try:
        requests = read_table(Path(spec.table))
    except (OSError, ValueError) as wrong:
        raise LoadError(
            "table", f"no request table: {wrong}", where=spec.table, hint="see requests.py"
        ) from None
    expected = {each.operation: each.status for each in requests}
    return Table(list(expected), expected, _rows(spec, process, requests, list(expected)))


def encode(request: Request, host: str, port: int) -> bytes:
    """Return the request as HTTP/1.1, which keeps connections alive unless told otherwise."""
    head = f"{request.method} {request.path} HTTP/1.1\r\nHost: {bracketed(host)}:{port}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    if request.body is None:
        return f"{head}\r\n".encode()
    if not any(name.lower() == "content-type" for name, _ in request.headers):
        head += "Content-Type: application/json\r\n"
    head += f"Content-Length: {len(request.body)}\r\n\r\n"
    return head.encode() + request.body


def _rows(
    spec: Spec, process: int, requests: Sequence[Request], operations: list[str]
) -> Iterator[Row]:
    processes = spec.processes
    if spec.repeatable and len(requests) < processes:
        requests = list(islice(cycle(requests), processes))
    indexes = {name: index for index, name in enumerate(operations)}
    shard = [
        (encode(each, spec.host, spec.port), indexes[each.operation], f"{each.method} {each.path}")
        for each in requests[process::processes]
    ]
    if spec.repeatable:
        shard = list(chain.from_iterable(repeat(shard, -(-_UNROLLED // len(shard)))))
    # Which rows are hashed is the same for all subjects.
    random = Random(f"hashed {spec.seed} {process}")  # noqa: S311 - not secret
    marked: list[Row] = [
        (data, index, name if random.random() < spec.hash_fraction else None)
        for data, index, name in shard
    ]
    total = spec.requests_total
    limit = None if total is None else len(range(process, total, processes))
    return islice(cycle(marked) if spec.repeatable else marked, limit)
