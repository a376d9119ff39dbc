"""``python -m bench.nullarm``: how often the verdicts of `analysis.inference.ruling` are wrong.

Simulated runs whose truth is known: a baseline A, its second deployment A' and a candidate B in
every block. Prints a table and writes ``.lab/bench-nullarm.json``. The whole takes about a minute
of one CPU.

A figure is exp of: what its deployment keeps for the whole run (standard deviation `bias`), plus a
block's own noise, Gaussian or with the tails of Student's t with 3 degrees of freedom, white or
with autocorrelation. `noise` is the standard deviation of ln(A'/A) between blocks, so that one
figure has noise / sqrt(2) and d_b has sqrt(3)/2 of it. What a block's three trials have in common
cancels out of d and a and is left out. In a ranking two subjects may take the null arm of a third
one: A and A' are then beside the two, and d_b has the whole noise.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

from analysis.inference.nullarm import findable_effect
from analysis.inference.power import FEWEST_BLOCKS, FEWEST_FOR_DIRECTION
from analysis.inference.runs import RunMean, combine
from analysis.inference.sample import LENT_NULL_ARM, OWN_NULL_ARM
from bundle.documents.plan import BETA

SESSIONS = 40_000
_RUNS_SESSIONS = 4_000  # of `combined`, which is not vectorised
_SEED = 20261129
_TAIL = 3


@dataclass(frozen=True)
class Law:
    """What the simulated runs are drawn from; logarithms and fractions."""

    blocks: int = 10  #: of a run
    noise: float = 0.05  #: standard deviation of ln(A'/A) between blocks
    effect: float = 0.0  #: relative, of the candidate
    bias: float = BETA  #: standard deviation of what each deployment keeps for a run
    margin: float = 0.05  #: theta
    heavy: bool = False  #: whether the noise has the tails of Student's t with 3 degrees of freedom
    correlation: float = 0.0  #: of a subject's noise between neighbouring blocks
    lent: bool = False  #: whether the null arm is that of a third subject, as in a ranking

    @property
    def deployments(self) -> float:
        """Variance of d in that of one deployment."""
        return LENT_NULL_ARM if self.lent else OWN_NULL_ARM


@dataclass(frozen=True)
class Rates:
    """Shares of the simulated runs; the standard error of a share p is sqrt(p(1-p)/sessions)."""

    void: float  #: A and A' differ by more than the margin
    better: float  #: FASTER, if more is better
    worse: float  #: SLOWER
    negligible: float  #: NEGLIGIBLE
    equivalent: float  #: EQUIVALENT
    inconclusive: float  #: INCONCLUSIVE
    covered: float  #: the 95 % interval holds the true ratio
    #: Hodges and Lehmann oppose a 95 % interval that excludes 1; such runs count above by their
    #: interval alone. None where they were not asked
    opposite: float | None
    half_width: float  #: mean h(.05), in log units

    @property
    def directions(self) -> float:
        """FASTER or SLOWER."""
        return self.better + self.worse


def draw(law: Law, sessions: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return d and a of so many runs, each of the shape (sessions, blocks)."""
    arms = 4 if law.lent else 3
    shape = (sessions, law.blocks, arms)
    if law.heavy:
        noise = rng.standard_t(_TAIL, shape) / math.sqrt(_TAIL / (_TAIL - 2))
    else:
        noise = rng.standard_normal(shape)
    innovation = math.sqrt(1 - law.correlation**2)
    for block in range(1, law.blocks if law.correlation else 0):
        noise[:, block] = law.correlation * noise[:, block - 1] + innovation * noise[:, block]
    logs = law.noise / math.sqrt(2) * noise + law.bias * rng.standard_normal((sessions, 1, arms))
    a, null, b, *other = np.moveaxis(logs, 2, 0)
    baseline = other[0] if law.lent else (a + null) / 2
    return b + math.log1p(law.effect) - baseline, null - a


def verdicts(d: np.ndarray, a: np.ndarray, law: Law) -> dict[str, np.ndarray]:
    """Apply the rule to each row of d and a; masks by the names of `Rates`, and ``half_width``."""
    blocks = d.shape[1]
    mean, error = d.mean(axis=1), d.std(axis=1, ddof=1) / math.sqrt(blocks)
    chance = stats.t.isf(0.025, blocks - 1) * a.std(axis=1, ddof=1) / math.sqrt(blocks)
    excess = np.maximum(0.0, abs(a.mean(axis=1)) - chance)

    floor = math.sqrt(law.deployments) * BETA

    def half(alpha: float) -> np.ndarray:
        t = stats.t.isf(alpha / 2, blocks - 1)
        return np.hypot(t * error, stats.norm.isf(alpha / 2) * floor) + excess

    reach, h95 = math.log1p(law.margin), half(0.05)
    void = excess > reach
    judged = ~void & (blocks >= FEWEST_FOR_DIRECTION)
    differs = judged & (abs(mean) > h95)
    inside = judged & (abs(mean) + half(0.10) < reach) & (blocks >= FEWEST_BLOCKS)
    return {
        "void": void,
        "better": differs & ~inside & (mean > 0),
        "worse": differs & ~inside & (mean < 0),
        "negligible": differs & inside,
        "equivalent": ~differs & inside,
        "inconclusive": judged & ~differs & ~inside,
        "half_width": h95,
    }


def simulate(
    law: Law, *, sessions: int = SESSIONS, seed: int = _SEED, ranks: bool = False
) -> Rates:
    """Judge so many runs of a law; `ranks` asks Hodges and Lehmann as well, which is slow."""
    d, a = draw(law, sessions, np.random.default_rng(seed))
    found = verdicts(d, a, law)
    mean, h95 = d.mean(axis=1), found["half_width"]
    opposite = None
    if ranks:
        first, second = np.triu_indices(law.blocks)
        centre = np.median((d[:, first] + d[:, second]) / 2, axis=1)
        opposite = float(((abs(mean) > h95) & (centre * mean < 0)).mean())
    shares = {name: float(values.mean()) for name, values in found.items()}
    covered = float((abs(mean - math.log1p(law.effect)) <= h95).mean())
    return Rates(**shares, covered=covered, opposite=opposite)


def combined(
    law: Law, runs: int, *, between: float = 0.0, sessions: int = _RUNS_SESSIONS, seed: int = _SEED
) -> dict[str, float]:
    """Combine so many runs, whose true ratios differ by `between` (standard deviation, log units).

    Returns:
        Shares: runs disagree; the interval excludes 1; both a difference and no disagreement; the
        interval covers the mean of the law. And the mean half-width.
    """
    rng = np.random.default_rng(seed)
    d, _ = draw(law, sessions * runs, rng)
    means = d.mean(axis=1) + between * rng.standard_normal(len(d))
    errors = d.std(axis=1, ddof=1) / math.sqrt(law.blocks)
    truth, tally = 1 + law.effect, np.zeros((sessions, 5))
    for session in range(sessions):
        at = slice(session * runs, (session + 1) * runs)
        pairs = zip(means[at].tolist(), errors[at].tolist(), strict=True)
        got = combine([RunMean(mean, error, law.blocks) for mean, error in pairs])
        ci95 = got.estimate.ci95
        differs, disagree = ci95.excludes(1.0), got.disagree
        half = math.log(ci95.high / ci95.low) / 2
        tally[session] = disagree, differs, differs and not disagree, not ci95.excludes(truth), half
    names = ("disagree", "differs", "found", "covered", "half_width")
    return dict(zip(names, tally.mean(axis=0).tolist(), strict=True))


def laws() -> dict[str, list[Law]]:
    """The laws of each question."""
    white = [Law(blocks, noise) for blocks in (6, 10, 20, 70) for noise in (0.02, 0.05, 0.10)]
    ten = [Law(noise=noise) for noise in (0.02, 0.05, 0.10)]
    other = [
        *(replace(law, heavy=True) for law in white),
        *(replace(law, correlation=0.4) for law in white),
        *(replace(law, bias=bias) for law in ten for bias in (0.0, 0.01, 0.02)),
    ]
    lent = [replace(law, lent=True) for law in white]
    lent += [replace(law, heavy=True) for law in lent]
    lent += [replace(law, lent=True, bias=bias) for law in ten for bias in (0.0, 0.01, 0.02)]
    powers = [replace(law, effect=0.05) for law in white]
    findable = [
        replace(law, effect=findable_effect(law.noise * math.sqrt(3) / 2, law.blocks))
        for law in white
    ]
    return {
        "no difference": [*white, *other],
        "no difference, the null arm of a third subject": lent,
        "a difference of 5 %": [
            *powers,
            *(replace(law, heavy=True) for law in powers),
            *(replace(law, bias=0.0) for law in powers),
        ],
        "the effect that a run can find nine times in ten": findable,
        "a difference of the margin": [
            replace(law, effect=margin, margin=margin)
            for law in (*white[3:], *(replace(law, heavy=True) for law in white[3:]))
            for margin in (0.03, 0.05)
        ],
    }


def run(*, sessions: int = SESSIONS) -> dict[str, object]:
    """Simulate all laws.

    Returns:
        The number of runs a row, and the rows of each question: the law and its shares.
    """
    rows: dict[str, object] = {"sessions": sessions, "runs_sessions": min(sessions, _RUNS_SESSIONS)}
    for question, asked in laws().items():
        rows[question] = [
            asdict(law)
            | asdict(simulate(law, sessions=sessions, ranks=law.blocks <= FEWEST_BLOCKS))
            for law in asked
        ]
    rows["several runs"] = [
        asdict(law)
        | {"runs": runs, "between": between}
        | combined(law, runs, between=between, sessions=min(sessions, _RUNS_SESSIONS))
        for runs in (2, 3, 5)
        for law in (Law(noise=0.02), Law(), Law(noise=0.10), Law(heavy=True), Law(effect=0.05))
        for between in ((0.0, 0.03) if law == Law() else (0.0,))
    ]
    return rows


def _table(question: str, rows: list[dict[str, float]], sessions: int) -> Table:
    """The rows with shares in percent; columns in which all rows are alike stay away."""
    title = f"{question} ({sessions} runs a row)"
    names = [name for name in rows[0] if len({row[name] for row in rows}) > 1]
    table = Table(*(name.replace("_", " ") for name in names), title=title)
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in names))
    return table


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or name in {"correlation", "mean_blocks"}:
        return f"{value:.3g}"
    return f"{100 * value:.2f} %"


def main() -> int:
    """Run, print and write."""
    started = time.process_time()
    rows = run()
    console = Console(width=160, markup=False, emoji=False)
    for question, found in rows.items():
        if isinstance(found, list):
            key = "runs_sessions" if question == "several runs" else "sessions"
            console.print(_table(question, found, rows[key]))
    document = {"schema": "bench-nullarm/1", "cpu_s": round(time.process_time() - started, 1)}
    path = Path(".lab/bench-nullarm.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document | rows, indent=1) + "\n")
    console.print(f"{document['cpu_s']} s of CPU; {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
