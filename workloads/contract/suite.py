"""Check a running service against the contract, over HTTP and in the database itself."""

from __future__ import annotations

import hashlib
import http.client
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workloads.contract import bodies, reads, writes
from workloads.contract.canonical import CONTENT_TYPE
from workloads.contract.client import Answer, Client

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from workloads.contract.case import Case, Effect
    from workloads.databases.interface import DatabaseClient, HeldRows
    from workloads.dataset.rows import Dataset

_SHOWN_BYTES = 300


class ContractError(ValueError):
    """The suite cannot run on this dataset; the message says why."""


@dataclass(frozen=True)
class CaseResult:
    """The outcome of one case."""

    name: str  #: name of the case
    ok: bool  #: whether the service kept it
    expected: str  #: the right answer for a reader; long bodies are cut
    got: str  #: the actual answer in the same form
    #: the whole answer; None for a check of the database alone
    answer: Answer | None = field(default=None, repr=False)


def all_cases(dataset: Dataset) -> list[Case]:
    """Return every case, in the order in which they must run on a fresh clone.

    Raises:
        ContractError: the dataset has too few rows for the cases.
    """
    buyers = len(dataset.orders_of(1)) and dataset.orders // len(dataset.orders_of(1))
    if not buyers or dataset.users < buyers + 5:
        raise ContractError(
            "the contract needs at least one user with orders and five without: "
            f"{dataset.users} users and {dataset.orders} orders are too few"
        )
    return [
        *reads.operations(dataset),
        *reads.pages(dataset),
        *reads.refusals(),
        *writes.user_writes(dataset),
        *writes.order_writes(dataset),
        *bodies.refused_bodies(),
    ]


def left_out(dataset: Dataset, cannot: Collection[str]) -> list[str]:
    """Name the cases that ask for what a service declares that it cannot do.

    Raises:
        ContractError: the dataset has too few rows for the cases.
    """
    return [case.name for case in all_cases(dataset) if not case.needs.isdisjoint(cannot)]


def check(
    base_url: str,
    server: DatabaseClient,
    database: str,
    dataset: Dataset,
    cannot: Collection[str] = (),
) -> list[CaseResult]:
    """Run every case against a service, and compare the rows that no case may change.

    A case that is left out has no result: what it would do to the rows is done in the database,
    because other cases find it there.

    Args:
        base_url: of the service.
        server: its database server.
        database: a throwaway clone of the dataset's template, which the cases change.
        dataset: what the clone holds.
        cannot: operations and ways of loading whose cases are left out.

    Raises:
        ContractError: the dataset has too few rows for the cases.
        OSError: the service cannot be reached.
        ServerError: the database cannot be asked.
    """
    cases = all_cases(dataset)
    with server.rows(database) as rows, Client(base_url) as client:
        before = _untouched(rows, dataset)
        results = []
        for case in cases:
            if case.needs.isdisjoint(cannot):
                results.append(_run(case, client, rows))
            elif case.effect and case.effect.changes:
                _change(rows, case.effect)
        after = _untouched(rows, dataset)
        results.append(CaseResult("untouched-rows", after == before, before, after))
        return [*results, _row_count(rows, dataset)]


def write_samples(results: Iterable[CaseResult], folder: Path) -> None:
    """Write the answer to each operation into a file of its own: status, headers, body."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        if result.answer is None or ":" in result.name:
            continue  # a name with a colon is a circumstance of an operation
        head = [f"{result.answer.status} {result.answer.reason}"]
        head += [f"{name}: {text}" for name, text in result.answer.headers]
        text = "\r\n".join(head).encode() + b"\r\n\r\n" + result.answer.body
        (folder / f"{result.name}.http").write_bytes(text)


def _run(case: Case, client: Client, rows: HeldRows) -> CaseResult:
    answer = client.send(case.method, case.path, case.body, case.headers)
    expected, got = _facts(_expected(case)), _facts(answer)
    if case.effect is not None:
        expected["database"] = case.effect.row
        got["database"] = rows.read(case.effect.table, case.effect.row_id)
    return CaseResult(case.name, expected == got, _shown(expected), _shown(got), answer)


def _expected(case: Case) -> Answer:
    headers = []
    if case.answer:
        headers += [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(case.answer)))]
    if case.allow is not None:
        headers.append(("Allow", case.allow))
    return Answer(case.status, http.HTTPStatus(case.status).phrase, headers, case.answer)


def _facts(answer: Answer) -> dict[str, object]:
    """Return what the contract decides; other headers are up to the server."""
    facts: dict[str, object] = {"status": answer.status, "body": answer.body}
    if answer.body:
        facts["type"] = answer.header("Content-Type")
        facts["length"] = answer.header("Content-Length")
    facts["allow"] = answer.header("Allow")
    return facts


def _shown(facts: dict[str, object]) -> str:
    parts = []
    for name, fact in facts.items():
        if isinstance(fact, bytes) and len(fact) > _SHOWN_BYTES:
            digest = hashlib.sha256(fact).hexdigest()[:12]
            parts.append(f"{name} {fact[:_SHOWN_BYTES]!r}... (sha256 {digest})")
        elif fact is not None:
            parts.append(f"{name} {fact!r}")
    return ", ".join(parts)


def _change(rows: HeldRows, effect: Effect) -> None:
    if effect.row is None:
        rows.remove(effect.table, effect.row_id)
    else:
        rows.put(effect.table, effect.row)


def _untouched(rows: HeldRows, dataset: Dataset) -> str:
    """Return number and hash of all rows but the last, which no case changes."""
    return rows.summary({"users": dataset.users, "orders": dataset.orders})


def _row_count(rows: HeldRows, dataset: Dataset) -> CaseResult:
    seeded = {"users": dataset.users, "orders": dataset.orders}
    expected = {table: seeded[table] + growth for table, growth in writes.GROWTH.items()}
    held = {table: rows.count(table) for table in expected}
    return CaseResult("row-count", expected == held, str(expected), str(held))
