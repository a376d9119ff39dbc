"""The arithmetic that the figures of one published run must keep, as checks of a ledger."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from analysis.claims import checks
from analysis.claims.fields import Tolerance
from analysis.claims.metrics import CLAIM_METRICS
from analysis.published.named import LONGEST_ID, slug, unused
from bundle.display import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.claims.checks import Check
    from analysis.claims.ledger import Condition
    from analysis.published.named import Placed
    from analysis.published.result import Reported

_ORDERED: Final = (
    *("latency_min", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99"),
    "latency_max",
)
_ENDS: Final = (
    "a request of each connection may be under way at an end of the run, as the lab's gate allows"
)
_TRUNCATED: Final = 1e-4  # asv keeps five digits of the ends of an interval


def checks_of(
    placed: Placed, conditions: Mapping[str, Mapping[str, Condition]]
) -> dict[str, Check]:
    """The arithmetic that the figures of one run must keep."""
    made: dict[str, Check] = {}
    for name, check in (
        *_rate(placed),
        *_littles_law(placed, conditions),
        *_at_once(placed),
        *_in_order(placed),
        *_in_interval(placed),
        *_doubts(placed),
    ):
        made[unused(made, f"{placed.key}.check.{name}", LONGEST_ID)] = check
    return made


def _number(figure: Reported, note: str) -> checks.Number:
    return checks.Number(
        value=figure.value, precision=figure.precision, status="stated", note=visible(note)[:500]
    )


def _input(placed: Placed, figure: str) -> checks.Input:
    """A figure of a run in a check: its claim, or its number if the claim is a statement."""
    each = placed.run.figures[figure]
    metric = CLAIM_METRICS.get(figure)
    if metric is not None and metric.unit == each.unit:
        return placed.ids[figure]
    return _number(each, f"{placed.run.locator}, {figure}")


def _rate(placed: Placed) -> Iterator[tuple[str, Check]]:
    run = placed.run
    if "throughput" not in run.figures or not (run.requests and run.seconds):
        return
    claim = placed.ids["throughput"]
    yield (
        "rate",
        checks.SameRatio(
            kind="same_ratio",
            says=f"{run.tool} prints requests over seconds as the rate",
            ratio=claim,
            numerator=_number(run.requests, f"{run.requests.unit} of the run"),
            denominator=_number(run.seconds, "seconds of the run"),
            slack=Tolerance(relative=run.slack[0], reason=run.slack[1]) if run.slack else None,
            convicts=[] if run.slack else [claim],
        ),
    )


def _littles_law(
    placed: Placed, conditions: Mapping[str, Mapping[str, Condition]]
) -> Iterator[tuple[str, Check]]:
    run = placed.run
    if run.loop != "closed" or not {"throughput", "latency_mean"} <= run.figures.keys():
        return
    sets = [key for key in (placed.key, placed.shared, "unknown") if key in conditions]

    def of(leaf: str) -> str | None:
        return next((f"{key}/{leaf}" for key in sets if leaf in conditions[key]), None)

    connections = of("connections")
    if connections is None:
        return
    claims = [placed.ids["throughput"], placed.ids["latency_mean"]]
    longest = "latency_max" in run.figures
    yield (
        "littles-law",
        checks.LittlesLaw(
            kind="littles_law",
            says="requests a second x mean latency is the number of connections",
            throughput=claims[0],
            connections=connections,
            mean=claims[1],
            longest_ms=_input(placed, "latency_max") if longest else None,
            threads=of("threads") if run.wrk_prints else None,
            in_flight=(
                None
                if run.in_flight is None
                else checks.Number(
                    value=run.in_flight,
                    precision=0,
                    status="inferred",
                    note=f"{run.tool} as the benchmark calls it",
                )
            ),
            seconds=(
                _number(run.seconds, "seconds of the run") if run.seconds else of("duration-s")
            ),
            generator="wrk" if run.wrk_prints else "other",
            slack=_at_the_ends(placed, conditions, connections),
            convicts=claims,
        ),
    )


def _at_the_ends(
    placed: Placed, conditions: Mapping[str, Mapping[str, Condition]], connections: str
) -> Tolerance | None:
    """What requests under way at the ends of a run may add to the ratio of Little's law.

    As `analysis.generators.base.Output.edge`: a set of requests of all that were counted.
    """
    name, _, leaf = connections.rpartition("/")
    opened, requests = conditions[name][leaf].value, placed.run.requests
    if not (isinstance(opened, int) and requests and requests.value) or placed.run.wrk_prints:
        return None  # wrk forgets what is under way at its end
    return Tolerance(relative=min(1.0, float(f"{opened / requests.value:.2g}")), reason=_ENDS)


def _at_once(placed: Placed) -> Iterator[tuple[str, Check]]:
    run = placed.run
    if not run.most_at_once or not {"throughput", "latency_mean"} <= run.figures.keys():
        return
    milli = checks.Number(value=1000, precision=0, status="stated", note="milliseconds a second")
    yield (
        "at-once",
        checks.Limit(
            kind="limit",
            says=f"requests a second x mean latency is at most all {run.most_at_once.unit}",
            factors={
                "throughput": placed.ids["throughput"],
                "mean": placed.ids["latency_mean"],
            },
            divisors={"milliseconds": milli},
            limit=_number(run.most_at_once, f"{run.most_at_once.unit} at most"),
        ),
    )


def _in_order(placed: Placed) -> Iterator[tuple[str, Check]]:
    figures, bins = placed.run.figures, placed.run.bins
    known = [name for name in _ORDERED if name in figures]
    pairs = list(pairwise(known))
    if {"latency_mean", "latency_max"} <= figures.keys():
        pairs.append(("latency_mean", "latency_max"))
    for low, high in pairs:
        ends = [_input(placed, low), _input(placed, high)]
        yield (
            f"{low}-{high}",
            checks.Limit(
                kind="limit",
                says=f"{low} is at most {high}",
                factors={slug(low, 20): ends[0]},
                limit=ends[1],
                slack=Tolerance(relative=bins[0], reason=bins[1]) if bins else None,
                convicts=[each for each in ends if isinstance(each, str)],
            ),
        )


def _in_interval(placed: Placed) -> Iterator[tuple[str, Check]]:
    for name, figure in placed.run.figures.items():
        if figure.interval is None:
            continue
        ends = [
            checks.Number(
                value=end, precision=abs(end) * _TRUNCATED, status="stated", note="99 % interval"
            )
            for end in figure.interval
        ]
        value = _number(figure, name)
        for word, low, high in (("above", ends[0], value), ("below", value, ends[1])):
            yield (
                f"{name}-{word}",
                checks.Limit(
                    kind="limit",
                    says=visible(f"{name} lies in its own interval")[:500],
                    factors={"low": low},
                    limit=high,
                ),
            )


def _doubts(placed: Placed) -> Iterator[tuple[str, Check]]:
    for figure, reason in placed.run.doubts.items():
        yield (
            f"{figure}-method",
            checks.Method(
                kind="method",
                says=f"how {placed.run.tool} arrives at {figure}",
                concerns=[placed.ids[figure]],
                note=visible(reason)[:500],
            ),
        )
