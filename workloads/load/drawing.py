"""Requests to an application: what its operations say, with drawn values in the named places."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from bundle.places import PLACE, filled
from workloads.contract import canonical
from workloads.load.requests import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.documents.application import ApplicationOperation, Draw

type Value = str | int


@dataclass(frozen=True)
class DrawnOperation:
    """One operation of a workload and its share of the requests."""

    name: str  #: of the operation
    weight: float  #: its share, relative to the others'
    of: ApplicationOperation  #: what is requested

    @property
    def repeatable(self) -> bool:
        """Whether the same request may be sent twice."""
        return self.of.repeatable


def table(
    operations: Sequence[DrawnOperation], *, seed: int, count: int, mark: str = ""
) -> list[Request]:
    """Draw a table of requests; the same arguments give the same table on every machine.

    Args:
        operations: the workload.
        seed: decides every draw.
        count: requests in the table.
        mark: part of all unique values, so that those of two tables differ.

    Raises:
        ValueError: more numbers are to be drawn once than there are.
    """
    random = Random(f"requests {seed}")  # noqa: S311 - reproducible, not secret
    chosen = random.choices(operations, [each.weight for each in operations], k=count)
    pools = {
        (each.name, name): _once(random, each.name, name, draw, chosen)
        for each in operations
        for name, draw in each.of.draw.items()
        if draw.once
    }
    rows = []
    for number, each in enumerate(chosen):
        values = {
            name: pools[each.name, name].pop()
            if draw.once
            else _value(random, draw, f"{seed}-{mark}{number}")
            for name, draw in each.of.draw.items()
        }
        rows.append(_request(each, values))
    return rows


def _once(
    random: Random, operation: str, name: str, draw: Draw, chosen: Sequence[DrawnOperation]
) -> list[int]:
    wanted = sum(each.name == operation for each in chosen)
    numbers = _range(draw)
    if wanted > len(numbers):
        raise ValueError(
            f"{operation} draws {wanted:,} values of {name} once, and there are {len(numbers):,}"
        )
    return random.sample(numbers, wanted)


def _value(random: Random, draw: Draw, number: str) -> Value:
    if draw.choice:
        return random.choice(draw.choice)
    if draw.unique is not None:
        return f"{draw.unique}{number}"
    numbers = _range(draw)
    return random.randint(numbers.start, numbers.stop - 1)


def _range(draw: Draw) -> range:
    if draw.from_ is None or draw.to is None:
        raise ValueError("the draw has no range")
    return range(draw.from_, draw.to + 1)


def _request(drawn: DrawnOperation, values: dict[str, Value]) -> Request:
    of = drawn.of
    body = None if of.body is None else canonical.encode(_filled(of.body, values))
    return Request(
        method=of.method,
        path=filled(of.path, values),
        body=body,
        operation=drawn.name,
        status=of.status,
        headers=tuple((name, filled(value, values)) for name, value in of.headers.items()),
    )


def _filled(value: object, values: dict[str, Value]) -> object:
    """A JSON value with drawn values in its places; a text that is one place becomes the value."""
    if isinstance(value, str):
        whole = PLACE.fullmatch(value)
        return values[whole[1]] if whole else filled(value, values)
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    return value
