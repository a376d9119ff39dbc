"""Little's law as a check on paper: throughput x mean latency against connections.

In a closed loop X x R / N, with the throughput X, the mean latency R and the N connections that
are really open, is the share of the time for which a connection waits for an answer that is
counted. That share is 1 in the ideal. What an honest run can print differs from 1:

**Above 1 by little** where a tool prints the mean that it measured. Two effects multiply:

- Figures that are averaged over several runs: the mean of X times the mean of N / X is larger than
  N, by (1 + s)^2 / (4 s) at the most if the fastest run is s times as fast as the slowest
  (Kantorovich's inequality). That is ``_RUNS`` for s = 2.
- The ends of the window: a tool divides by a time that may be shorter than the time in which its
  connections waited (ramp-up, requests that end after the window). The lab's own gate allows one
  request of every connection for it: 1 + N / n, with the n = X T requests of a window of T seconds
  (``analysis.generators``). So does this check, whoever printed the figures. Of the 2,871 trials of
  wrk in evidence/, measured means give at most 1.026.

Together they are at least ``MOST``, which is that of n = 15 N, and more in a shorter window. Where
nobody tells T, a ratio above it throws doubt and never convicts.

**Above 1 by much** where wrk prints the mean. wrk adds samples to its histogram before it prints
(``stats_correct``, src/stats.c of wrk 4.2): with a latency of k x N / X, k - 2 to k - 1 of them,
which are N / X, 2 N / X and so on longer than N / X. Latency and samples together are at most
k (k + 1) / 2 x N / X. Of all distributions with the mean N / X, the one that gains most has a
share 1 / k of the longest latencies and nothing else that takes time. So the printed mean is at
most k (k + 1) / (4 (k - 1)) times the measured one, where k belongs to the longest latency, or 1.5
times where that is more. Without the longest latency nothing bounds it. The trials in evidence/
print up to 2.45, one with a stall in tests/data/wrk prints 12.4. A generator that the source does
not name may be wrk.

**Above 1 by the requests in flight.** A connection that sends m requests before it waits for an
answer (h2load -m, wrk with a pipeline) has m of them waiting at once, so N is m times as large.

**Above 1 by failed requests.** Where a share f of the requests that X counts failed and is no part
of R (hey), R is that of the others. They leave X (1 - f) R at N or less, so X R / N is at most
1 / (1 - f). wrk counts an answer with an error in both, and leaves only time-outs out of R, which
make the ratio smaller. Neither m nor f is often printed: where one is not told, a ratio above 1
throws doubt and never convicts.

**Below 1 without a bound.** Requests that have no answer when the window ends, connections that
the service never serves, time-outs that a tool leaves out, and the time that a generator needs
between an answer and the next request are all waiting or idling that no mean contains. wrk prints
0.51 in windows of two seconds under 500 connections (evidence/), and a server that keeps 100 of
500 connections prints 0.2. So a low ratio throws doubt and never convicts. Below ``LEAST`` the
check doubts: the lab's gate allows 0.95, the rest is for generators that are slower than the
lab's.

**Percentiles** say nothing about the mean but bounds. At least half of the answers take the median
or longer, and one in a hundred takes the 99th percentile or longer, so the mean is at least
0.5 x p50, 0.01 x p99, or 0.49 x p50 + 0.01 x p99. If it must be larger than
0.5 x p50 + 0.49 x p99, the slowest hundredth makes up for it.

**Connections.** wrk opens threads x (connections // threads): all of them only if threads divides
connections, and more than half of them in any case.

**An open loop** sends by the clock. Its latency may contain the wait before sending, and the number
of connections follows from nothing, so the check is undecided.

Source: J. D. C. Little, A Proof for the Queuing Formula L = lambda W, 1961.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis.claims.printed import Answer, undecided
from analysis.rounding import brief
from bundle.documents.results import Interval
from bundle.documents.verdicts import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.claims.checks import LittlesLaw
    from analysis.claims.printed import Figure

_RUNS = 1.125
MOST = 1.2
LEAST = 0.9
# Unknown ones only widen what fits, or what may have been.
OPTIONAL = frozenset({"longest_ms", "threads", "in_flight", "failed_percent", "seconds"})
_MS = 1000.0
_TWO_ROUNDS = 2.0  # wrk adds nothing for a latency of less than two rounds
_TAIL = 0.01  # of the answers lie beyond the 99th percentile
_OTHER_UNITS = {"s": 1000.0, "us": 0.001}
_LOST = (
    "requests without an answer, connections that were not served or a slow generator would do that"
)


def check(law: LittlesLaw, known: Mapping[str, Figure]) -> Answer:
    """Compare throughput, connections and latencies of a source with each other.

    Args:
        law: the check of the ledger.
        known: its inputs, latencies in ms; none of them is unknown.
    """
    rate = known["throughput"]
    if law.loop == "open":
        return undecided("in an open loop the connections follow from nothing")
    failed = known["failed_percent"].high if "failed_percent" in known else 0.0
    answered = rate.low * (1 - failed / 100)
    if answered <= 0:
        return undecided("without answers there is no latency")
    waiting = _waiting(law, known)
    due = Interval(_MS * waiting.low / rate.high, _MS * waiting.high / answered)
    if not 0 < due.high < math.inf:
        return undecided("no latency follows from these connections and this throughput")
    most = _most(waiting, answered, known.get("seconds"))
    ceiling = _ceiling(law, known, due, most)
    if "mean" in known:
        return _mean(known, due, most, ceiling)
    if "p50" in known or "p99" in known:
        return _percentiles(known, due, most, ceiling)
    return undecided("it takes the mean, the median or the 99th percentile")


def left_open(law: LittlesLaw, known: Mapping[str, Figure]) -> str | None:
    """What could explain too high a ratio and is not ruled out, as a clause; None if nothing."""
    open_ones = []
    if "in_flight" not in known:
        open_ones.append("several requests in flight on a connection (in_flight)")
    if "failed_percent" not in known and law.generator != "wrk":
        open_ones.append("failed requests that only the rate counts (failed_percent)")
    if "seconds" not in known:
        open_ones.append("a window hardly longer than its requests take (seconds)")
    return f"nothing rules out {' or '.join(open_ones)}" if open_ones else None


def _waiting(law: LittlesLaw, known: Mapping[str, Figure]) -> Interval:
    """How many requests may have waited at once."""
    connections, each = opened(law, known), known.get("in_flight")
    if each is None:
        return connections
    return Interval(connections.low * max(1.0, each.low), connections.high * max(1.0, each.high))


def opened(law: LittlesLaw, known: Mapping[str, Figure]) -> Interval:
    """How many connections may really have been open."""
    asked, threads = known["connections"], known.get("threads")
    if law.generator == "other":
        return Interval(asked.low, asked.high)
    if threads is None or threads.low < threads.high or not 1 <= threads.value <= asked.high:
        return Interval((asked.low + 1) / 2, asked.high)
    each = int(threads.value)
    high = asked.high // each * each if law.generator == "wrk" else asked.high
    return Interval(asked.low // each * each, high)


def _most(waiting: Interval, answered: float, seconds: Figure | None) -> float:
    """The highest ratio of a mean that a tool measured; `MOST` where nobody tells the window."""
    if seconds is None:
        return MOST
    requests = answered * seconds.low
    return max(MOST, _RUNS * (1 + waiting.high / requests)) if requests > 0 else math.inf


def _ceiling(
    law: LittlesLaw, known: Mapping[str, Figure], due: Interval, most: float
) -> float | None:
    """The highest ratio that an honest run can print; None if nothing bounds it."""
    most *= 1 + (law.slack.relative if law.slack else 0.0)
    if law.generator == "other":
        return most
    if "longest_ms" not in known or due.low <= 0:
        return None
    k = known["longest_ms"].high / due.low
    if not math.isfinite(k):
        return None
    return most * (max(1.5, k * ((k + 1) / (4 * (k - 1)))) if k > _TWO_ROUNDS else 1.5)


def _mean(known: Mapping[str, Figure], due: Interval, most: float, ceiling: float | None) -> Answer:
    rate, mean = known["throughput"], known["mean"]
    low = mean.low / due.high
    high = mean.high / due.low if due.low > 0 else float("inf")
    implied = rate.value * mean.value / _MS
    numbers = {"low": due.low, "high": due.high, "stated": mean.value, "connections": implied}
    sentence = (
        f"connections over throughput are {brief(due.low, 4)} to {brief(due.high, 4)} ms, "
        f"and a mean latency of {brief(mean.value, 4)} ms is that of {implied:.0f} connections"
    )
    if high >= LEAST and low <= most:
        return Answer(Outcome.HOLDS, sentence, numbers)
    for unit, factor in _OTHER_UNITS.items():
        if high * factor >= LEAST and low * factor <= MOST:
            return Answer(
                Outcome.DOUBTFUL, f"{sentence}; it would fit if it were in {unit}", numbers
            )
    if high < LEAST:
        return Answer(Outcome.DOUBTFUL, f"{sentence}; {_LOST}", numbers)
    return _above(low, ceiling, sentence, numbers)


def _above(ratio: float, ceiling: float | None, start: str, numbers: Mapping[str, float]) -> Answer:
    """The answer where the least mean that was printed is more than the connections give.

    Args:
        ratio: of that mean to connections over throughput.
        ceiling: the highest ratio that an honest run can print; None if nothing bounds it.
        start: of the sentence.
        numbers: of the answer.
    """
    if ceiling is None:
        why = "wrk prints more than it measured, and without longest_ms nothing bounds how much"
        return Answer(Outcome.UNDECIDED, f"{start}; {why}", numbers)
    if ratio <= ceiling:
        return Answer(Outcome.HOLDS, f"{start}, which the samples that wrk adds allow", numbers)
    why = f"{brief(ratio)} times what the connections give, "
    why += f"where at most {brief(ceiling)} can be printed"
    return Answer(Outcome.CONTRADICTS, f"{start}: {why}", numbers)


def _percentiles(
    known: Mapping[str, Figure], due: Interval, most: float, ceiling: float | None
) -> Answer:
    p50, p99 = known.get("p50"), known.get("p99")
    numbers = {"mean_ms": (due.low + due.high) / 2}
    sentence = f"the mean latency must be {due.low:.1f} to {due.high:.1f} ms"
    least = (0.5 if p99 is None else 0.5 - _TAIL) * (p50.low if p50 else 0.0)
    least += _TAIL * p99.low if p99 else 0.0
    if least > most * due.high:
        sentence += f", and these percentiles alone make it {least:.1f} ms"
        return _above(least / due.high, ceiling, sentence, numbers)
    if p99 is None:
        return Answer(Outcome.HOLDS, f"{sentence}, which this median allows", numbers)
    body = 0.5 * p50.high + (0.5 - _TAIL) * p99.high if p50 else (1 - _TAIL) * p99.high
    if LEAST * due.low <= body + _TAIL * p99.high:
        return Answer(Outcome.HOLDS, f"{sentence}, which these percentiles allow", numbers)
    tail = (due.low - body) / _TAIL
    sentence += f", so the slowest 1 % would have to average {tail:.0f} ms or more"
    longest = known.get("longest_ms")
    if longest is not None and tail > longest.high:
        sentence += f", and none may take over {longest.high:.0f} ms; {_LOST}"
    return Answer(Outcome.DOUBTFUL, sentence, {**numbers, "tail_ms": tail})
