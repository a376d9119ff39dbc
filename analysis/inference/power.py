"""How many blocks a run needs, and what so many blocks can find."""

from __future__ import annotations

import math

import scipy

from analysis.inference.hypotheses import ALPHA

POWER = 0.90
FEWEST_BLOCKS = 10  # for a verdict: with fewer even a clean null arm rarely passes its control


def blocks_needed(
    sd: float,
    effect: float,
    *,
    alpha: float = ALPHA,
    power: float = POWER,
    fewest: int = FEWEST_BLOCKS,
) -> int:
    """Return the smallest number of blocks that finds an effect with the wanted power.

    The smallest n with n >= ((t(1 - alpha/2) + t(power)) sd / ln(1 + effect))^2, both t quantiles
    with n - 1 degrees of freedom: an approximation to the noncentral t (Chow, Shao and Wang,
    Sample Size Calculations in Clinical Research, chapter 3).

    Args:
        sd: standard deviation of the log-ratios of single blocks, from a pilot.
        effect: relative, such as 0.03 or -0.03.
        alpha: two-sided.
        power: wanted.
        fewest: never return fewer.

    Raises:
        ValueError: the effect is 0 or at most -1, the spread is negative, or a probability is
            not inside (0, 1).
    """
    _check(sd, alpha, power)
    if effect <= -1 or effect == 0:
        raise ValueError(f"there is no number of blocks for an effect of {effect}")
    noise_to_effect = sd / abs(math.log1p(effect))
    # t quantiles are larger than normal ones, so the search may start at the normal answer.
    normal = float(scipy.stats.norm.ppf(1 - alpha / 2) + scipy.stats.norm.ppf(power))
    count = max(fewest, 2, math.floor((normal * noise_to_effect) ** 2))
    while count < (_quantiles(count, alpha, power) * noise_to_effect) ** 2:
        count += 1
    return count


def detectable_effect(
    sd: float, blocks: int, *, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Return the smallest relative effect that so many blocks find with the wanted power.

    The same formula solved for the effect: exp((t(1 - alpha/2) + t(power)) sd / sqrt(n)) - 1.

    Args:
        sd: standard deviation of the log-ratios of single blocks.
        blocks: at least two.
        alpha: two-sided.
        power: wanted.

    Raises:
        ValueError: fewer than two blocks, a negative spread, or a probability not inside (0, 1).
    """
    _check(sd, alpha, power)
    if blocks < 2:  # noqa: PLR2004 - what a spread needs
        raise ValueError(f"a spread needs two blocks, not {blocks}")
    return math.expm1(_quantiles(blocks, alpha, power) * sd / math.sqrt(blocks))


def _quantiles(blocks: int, alpha: float, power: float) -> float:
    return float(
        scipy.stats.t.ppf(1 - alpha / 2, blocks - 1) + scipy.stats.t.ppf(power, blocks - 1)
    )


def _check(sd: float, alpha: float, power: float) -> None:
    if not sd >= 0:
        raise ValueError(f"a standard deviation is not {sd}")
    if not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError(f"alpha and power lie inside (0, 1): {alpha}, {power}")
