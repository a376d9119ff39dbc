"""Published runs as the draft of a ledger: claims, conditions, and checks on paper.

What the files say is stated, what nobody says is unknown. The arithmetic that their figures must
keep becomes checks; a draft has no plan yet, because only its reader knows what is comparable.
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from analysis.claims import checks
from analysis.claims.conditions import reading_of
from analysis.claims.fields import Tolerance
from analysis.claims.ledger import (
    SCHEMA,
    Absolute,
    Condition,
    Ledger,
    Ordering,
    Source,
    Statement,
    Subject,
)
from analysis.claims.metrics import CLAIM_METRICS
from analysis.published import named
from analysis.published.arithmetic import checks_of
from analysis.published.named import shared_by, slug
from analysis.published.result import ResultError
from bundle.display import visible
from bundle.documents.plan import MARGINS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date

    from analysis.claims.checks import Check
    from analysis.claims.ledger import Claim
    from analysis.published.named import Origin, Placed
    from analysis.published.result import PublishedRun, Reported, Setting

_TOLERANCE: Final = MARGINS["vm"]
_WHY_TOLERANCE: Final = "a draft: the margin of a plan under vm; set your own before any run"
_NO_PLAN: Final = "a draft: name the plan that tests it in `test`, in place of this line"
_NO_METRIC: Final = "the lab has no metric for this figure"
_NOT_SAID: Final = "the file does not say"
_READINGS: Final = {
    "generator": "load.generator",
    "connections": "load.connections",
    "opened": "load.opened",
    "threads": "load.threads",
    "duration-s": "load.duration_s",
    "cpu": "host.cpu",
}
# What a verdict must be about the same of; a generator or a longer window changes less.
_MATERIAL: Final = {"connections", "opened", "cpu", "python", "postgresql"}
# What follows from other settings, and by which rule.
_INFERRED: Final = {"opened": "wrk opens threads x (connections // threads)"}
# What decides a figure of a service, and hardly any tool prints.
_ASKED: Final = {
    "cpu": "host.cpu",
    "cores": "host.cores",
    "memory-gib": "host.memory_gib",
    "host-class": "host.class",
    "connections": "load.connections",
    "python": "python",
    "postgresql": "postgresql",
    "users": "data.users",
    "orders": "data.orders",
    "payload-bytes": "data.payload_bytes",
    "workers": "service.workers",
    "pool-size": "pool.size",
}
_WORDS: Final = {
    "throughput": "requests a second",
    "latency_mean": "the mean latency",
    "latency_min": "the shortest latency",
    "latency_max": "the longest latency",
    "latency_stdev": "the standard deviation of the latency",
    "error_rate": "the share of failed requests",
    "success_rate": "the share of requests with an answer",
}
_COMPARED: Final = ("throughput", "p99", "latency_mean")


def draft(name: str, origins: Sequence[Origin], *, today: date) -> Ledger:
    """The ledger of some files; runs of one workload are compared with each other.

    Raises:
        ResultError: a setting or a figure is of a size that no ledger may hold.
    """
    try:
        return _drafted(name, origins, today)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ResultError(f"no ledger may hold this: {where}: {first['msg']}") from None


def _drafted(name: str, origins: Sequence[Origin], today: date) -> Ledger:
    placed = list(named.placed(origins))
    comparable: dict[str, list[Placed]] = defaultdict(list)
    for each in placed:
        comparable[each.workload].append(each)
    conditions: dict[str, dict[str, Condition]] = {"unknown": _unknown(placed)}
    claims: dict[str, Claim] = {}
    made: dict[str, Check] = {}
    for workload, group in comparable.items():
        shared = _shared(group)
        conditions[shared_by(workload)] = shared
        for each in group:
            conditions[each.key] = _stated(each, but=shared.keys())
            claims |= _claims(each, _those(conditions, "unknown", each.shared, each.key))
            made |= checks_of(each, conditions)
        both = _those(conditions, "unknown", shared_by(workload))
        orders = dict(_orders(workload, group, both))
        claims |= orders
        made |= _unlike(workload, group, shared.keys(), orders)
    return Ledger.model_validate(
        {
            "schema": SCHEMA,
            "name": slug(name, 40),
            "title": _title(origins),
            "sources": _sources(origins, today),
            "subjects": {each.subject: Subject(what=_what(each.run)) for each in placed},
            "conditions": {name: leaves for name, leaves in conditions.items() if leaves},
            "claims": claims,
            "checks": made,
        }
    )


def _title(origins: Sequence[Origin]) -> str:
    files = ", ".join(f"{each.name} ({each.tool})" for each in origins)
    return visible(f"A draft from {files}")[:500]


def _sources(origins: Sequence[Origin], today: date) -> dict[str, Source]:
    return {
        f"file-{place}": Source(
            title=visible(f"Output of {origin.tool}: {origin.name}")[:500],
            locator=visible(origin.name)[:500],
            published=None,
            retrieved=today,
            sha256=origin.sha256,
            note="say here where the figures were published, and when",
        )
        for place, origin in enumerate(origins, 1)
    }


def _what(run: PublishedRun) -> str:
    url = run.settings.get("url")
    where = f" at {url}" if url else ""
    named = (
        f"{run.subject}, as {run.tool} measured it" if run.subject else f"what {run.tool} measured"
    )
    return visible(f"{named}{where}")[:500]


def _shared(group: Sequence[Placed]) -> dict[str, Condition]:
    """The settings that every run states alike."""
    first, *others = (each.run.settings for each in group)
    alike = {
        name: value
        for name, value in first.items()
        if name != "url" and all(other.get(name) == value for other in others)
    }
    return {name: _condition(name, alike) for name in alike} if others else {}


def _stated(placed: Placed, *, but: Collection[str]) -> dict[str, Condition]:
    settings = placed.run.settings
    return {
        name: _condition(name, settings, placed.subject) for name in settings if name not in but
    }


def _those(conditions: Mapping[str, Mapping[str, Condition]], *names: str) -> list[str]:
    """The names of the sets that hold something."""
    return [name for name in dict.fromkeys(names) if conditions.get(name)]


def _condition(name: str, settings: Mapping[str, Setting], subject: str | None = None) -> Condition:
    value, reading = settings[name], _READINGS.get(name, name)
    known = reading if reading_of(reading) else None
    decides = name in _MATERIAL or name.startswith("package.")
    if name == "connections" and "opened" in settings:
        decides = False
    is_number = isinstance(value, int | float)
    return Condition(
        value=visible(value)[:500] if isinstance(value, str) else value,
        precision=0 if is_number else None,
        status="inferred" if name in _INFERRED else "stated",
        material=known is not None and decides,
        reading=known,
        subject=subject,
        note=_INFERRED.get(name, ""),
    )


def _unknown(placed: Sequence[Placed]) -> dict[str, Condition]:
    """What some file should say and does not."""
    return {
        name: Condition(status="unknown", reading=reading, note=_NOT_SAID)
        for name, reading in _ASKED.items()
        if any(name not in each.run.settings and not each.run.untestable for each in placed)
    }


def _claims(placed: Placed, sets: list[str]) -> Iterator[tuple[str, Claim]]:
    run = placed.run
    for figure, each in run.figures.items():
        says = visible(f"{placed.subject}: {_worded(figure, each)}")[:500]
        yield placed.ids[figure], _claim(placed, figure, each, says, sets)


def _claim(placed: Placed, figure: str, each: Reported, says: str, sets: list[str]) -> Claim:
    run, metric = placed.run, CLAIM_METRICS.get(figure)
    locator = visible(f"{run.locator}, {figure}")[:500]
    if metric is None or metric.unit != each.unit:
        return Statement(
            kind="statement",
            says=says,
            source=placed.source,
            locator=locator,
            value=each.value,
            unit=each.unit,
            untestable=run.untestable or _NO_METRIC,
            note=each.note,
        )
    relative = _TOLERANCE.get(figure, max(_TOLERANCE.values()))
    return Absolute(
        kind="absolute",
        says=says,
        source=placed.source,
        locator=locator,
        metric=figure,
        subjects=[placed.subject],
        value=each.value,
        precision=each.precision or 1.0,
        tolerance=None if run.untestable else Tolerance(relative=relative, reason=_WHY_TOLERANCE),
        conditions=sets,
        portability="same-class",
        untestable=run.untestable or None,
        not_run=None if run.untestable else _NO_PLAN,
        note=each.note,
    )


def _worded(figure: str, each: Reported) -> str:
    value = f"{each.value:,.6g}" if abs(each.value) < 1e6 else f"{each.value:,.0f}"  # noqa: PLR2004 - digits
    if figure == "throughput":
        return f"{value} {_WORDS[figure]}"
    if re.fullmatch(r"p[0-9.]+", figure):
        return f"{figure[1:]} % of the latencies are at most {value} {each.unit}"
    kind = figure.partition("_")[2]
    if figure.startswith("errors"):
        return f"{value} {each.unit}{f' ({kind})' if kind else ''} went wrong"
    return f"{_WORDS.get(figure, figure)} is {value} {each.unit}"


def _orders(workload: str, group: Sequence[Placed], sets: list[str]) -> Iterator[tuple[str, Claim]]:
    """The order of the runs by each figure, as claims about neighbours in it."""
    for figure in _COMPARED:
        if len(group) < 2 or any(figure not in each.run.figures for each in group):  # noqa: PLR2004 - a pair
            continue
        if figure == "latency_mean" and all("p99" in each.run.figures for each in group):
            continue
        ranked = sorted(group, key=lambda each: -each.run.figures[figure].value)
        for place, (above, below) in enumerate(pairwise(ranked), 1):
            upper, lower = above.run.figures[figure], below.run.figures[figure]
            if above.subject == below.subject or upper.value - lower.value <= (
                upper.precision + lower.precision
            ):
                continue
            untestable = above.run.untestable or below.run.untestable
            yield (
                f"order.{f'{workload}.' if workload else ''}{slug(figure, 16)}.{place}",
                Ordering(
                    kind="ordering",
                    says=f"{above.subject} has a larger {figure} than {below.subject}",
                    source=above.source,
                    locator=f"{above.run.locator}; {below.source}: {below.run.locator}"[:500],
                    metric=figure,
                    subjects=[above.subject, below.subject],
                    conditions=sets,
                    portability="any",
                    untestable=untestable or None,
                    not_run=None if untestable else _NO_PLAN,
                    entailed_by=[[above.ids[figure], below.ids[figure]]],
                ),
            )


def _unlike(
    workload: str,
    group: Sequence[Placed],
    shared: Collection[str],
    orders: Mapping[str, Claim],
) -> dict[str, Check]:
    """A doubt where runs that are compared were made under different settings."""
    named = {name for each in group for name in each.run.settings} - {"url", "commit"}
    unlike = sorted(name for name in named if name not in shared)
    if not orders or not unlike:
        return {}
    told = "; ".join(
        f"{name}: {', '.join(str(each.run.settings.get(name, 'not said')) for each in group[:5])}"
        for name in unlike[:5]
    )
    return {
        f"order.{f'{workload}.' if workload else ''}settings": checks.Method(
            kind="method",
            says=f"the runs that are compared differ in {', '.join(unlike)}"[:500],
            concerns=list(orders),
            note=told[:1000],
        )
    }
