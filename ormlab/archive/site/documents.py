"""The parts of a bundle's documents that the site shows, as strict types.

A bundle comes from anyone. What does not fit these types is not shown, and the site says so;
keys that are not named here are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from bundle import names, outside

if TYPE_CHECKING:
    from pathlib import Path


class Subject(msgspec.Struct, frozen=True):
    """A row of a cell: the median figures of a subject; null where it has none."""

    trials: int
    errors: int
    throughput: float | None = None
    p50: float | None = None
    p99: float | None = None
    cpu_service: float | None = None
    rss_service: float | None = None


class Comparison(msgspec.Struct, frozen=True):
    """What a bundle says about two subjects by one metric."""

    baseline: str
    candidate: str
    metric: str
    verdict: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


class Cell(msgspec.Struct, frozen=True):
    """One workload under one load."""

    workload: str
    load: str
    latency_kind: str
    subjects: dict[str, Subject]
    comparisons: list[Comparison]


class Results(msgspec.Struct, frozen=True):
    """``derived/results.json``."""

    conclusion: str
    weaknesses: list[str]
    cells: list[Cell]


class Interval(msgspec.Struct, frozen=True):
    """Two ends; null is infinite."""

    low: float | None = None
    high: float | None = None


class Measured(msgspec.Struct, frozen=True):
    """The figure of a claim as measured."""

    value: float | None
    blocks: int
    ci95: Interval | None = None


class Claim(msgspec.Struct, frozen=True):
    """What one bundle says about one claim."""

    id: str
    says: str
    published: str
    verdict: str
    why: str
    strength: str
    side: str | None = None
    measured: Measured | None = None


class Ledger(msgspec.Struct, frozen=True):
    """Which ledger was put on trial."""

    name: str
    title: str
    sha256: str


class Verdicts(msgspec.Struct, frozen=True):
    """``derived/verdicts.json``."""

    ledger: Ledger
    conclusion: str
    claims: list[Claim]


class Placement(msgspec.Struct, frozen=True):
    """How well CPUs could be kept apart."""

    tier: str


class Kind(msgspec.Struct, frozen=True):
    """What kind of host it is."""

    virtual: bool | str | None = None


class Facts(msgspec.Struct, frozen=True):
    """``host/facts.before.json``."""

    placement: Placement
    facts: Kind

    @property
    def host_class(self) -> str:
        """As `analysis.claims.evidence.Run.host_class`."""
        return f"{'virtual' if self.facts.virtual else 'physical'}, {self.placement.tier}"


RESULTS: Final = f"{names.DERIVED}/results.json"
VERDICTS: Final = f"{names.DERIVED}/verdicts.json"
FACTS: Final = "host/facts.before.json"


def read[T](root: Path, path: str, kind: type[T]) -> T | None:
    """Read a document of a verified bundle; None if it is not there.

    Raises:
        ValueError: it does not fit the type.
        OSError: it cannot be read, or is too large.
    """
    if not (root / path).exists():
        return None
    return msgspec.convert(outside.json_of(root / path), kind)
