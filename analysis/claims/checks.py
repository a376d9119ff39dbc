"""The checks of a ledger as types: `analysis.claims.arithmetic` carries them out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from analysis.claims.fields import Id, Name, Part, Precision, Size, Status, Text, Tolerance


class Number(Part):
    """A number in a check that is neither a claim nor a condition; ``note`` says whence.

    ``precision`` is the size of the last digit that is printed, 0 for what is exact; without it,
    the zeros at the end of a whole number may be rounding.
    """

    value: Size
    precision: Precision | None = None
    status: Status
    note: Text


type Input = Annotated[
    Annotated[str, Tag("name")] | Annotated[Number, Tag("number")],
    Discriminator(lambda given: "number" if isinstance(given, dict | Number) else "name"),
]
"""A claim's id, a condition as ``set/leaf``, or a number."""


class _Check(Part):
    """Arithmetic. ``convicts`` are the claims that cannot stand if it contradicts them."""

    says: Text
    convicts: list[Id] = Field(default_factory=list)
    note: str = ""


class _Arithmetic(_Check):
    """A check that computes. ``slack`` is how far off still fits, beside the printed digits."""

    slack: Tolerance | None = None


class SameRatio(_Arithmetic):
    """A stated ratio against the two figures it is of, which are in one unit.

    ``wording`` is "times-more" where the source says "three times faster" or the like, which may
    mean the ratio or the ratio less one.
    """

    kind: Literal["same_ratio"]
    ratio: Input
    numerator: Input
    denominator: Input
    wording: Literal["ratio", "times-more"] = "ratio"


class LittlesLaw(_Arithmetic):
    """Connections = throughput x mean latency (ms), in a closed loop.

    ``generator`` is "wrk" where wrk printed the figures: it opens ``threads`` x (``connections`` //
    ``threads``) and adds samples before it prints. It is "other" where a tool printed them that
    opens what it is asked to and prints the mean that it measured; without it, both are possible.
    ``longest_ms`` is the longest latency. ``in_flight`` is how many requests a connection sends
    before it waits for an answer, ``failed_percent`` the share of the requests in the throughput
    that failed and are no part of the latencies, ``seconds`` the length of the window.
    ``analysis.claims.littles_law`` says what follows.
    """

    kind: Literal["littles_law"]
    throughput: Input
    connections: Input
    mean: Input | None = None
    p50: Input | None = None
    p99: Input | None = None
    longest_ms: Input | None = None
    threads: Input | None = None
    in_flight: Input | None = None
    failed_percent: Input | None = None
    seconds: Input | None = None
    generator: Literal["wrk", "other"] | None = None
    loop: Literal["closed", "open"] = "closed"


class Difference(_Arithmetic):
    """A stated difference against the two figures it is of, all in one unit.

    ``wording`` is "percentages" where the two figures are percentages and the difference is stated
    in per cent: it may mean points, or per cent of either figure.
    """

    kind: Literal["difference"]
    minuend: Input
    subtrahend: Input
    difference: Input
    wording: Literal["plain", "percentages"] = "plain"


class PercentOf(_Arithmetic):
    """A stated percentage against part and whole, which are in one unit."""

    kind: Literal["percent_of"]
    part: Input
    whole: Input
    percent: Input


class Limit(_Arithmetic):
    """A product of figures, over others, that must not exceed a limit.

    ``concerns`` are the claims in doubt if it does; without any, all that the check computes with.
    """

    kind: Literal["limit"]
    factors: Annotated[dict[Name, Input], Field(min_length=1)]
    divisors: dict[Name, Input] = Field(default_factory=dict)
    limit: Input
    concerns: list[Id] = Field(default_factory=list)


class SameOrder(_Arithmetic):
    """Two pairs of figures that should be in one order: ``above`` over ``below``, and again.

    The pairs come from different conditions, so a reversal is possible: it throws doubt, and never
    convicts.
    """

    kind: Literal["same_order"]
    above: Input
    below: Input
    again_above: Input
    again_below: Input


class Method(_Check):
    """A fault of method that needs no arithmetic: it throws doubt, and never convicts."""

    kind: Literal["method"]
    concerns: Annotated[list[Id], Field(min_length=1)]
    locator: str = ""


type Arithmetic = SameRatio | LittlesLaw | Difference | PercentOf | Limit | SameOrder
type Check = Annotated[
    SameRatio | LittlesLaw | Difference | PercentOf | Limit | SameOrder | Method,
    Field(discriminator="kind"),
]
