"""How many blocks a run needs, and which effect so many blocks can find."""

from __future__ import annotations

import math

import scipy

from analysis.inference.hypotheses import ALPHA

POWER = 0.90
FEWEST_BLOCKS = 10  # for a verdict: with fewer even a clean null arm rarely passes its control


def blocks_needed(sd: float, effect: float) -> int:
    """Return the smallest number of blocks, from ten on, that finds an effect nine times in ten.

    The smallest n with n >= ((t(.975) + t(.90)) sd / ln(1 + effect))^2, both t quantiles
    with n - 1 degrees of freedom: an approximation to the noncentral t (Chow, Shao and Wang,
    Sample Size Calculations in Clinical Research, chapter 3).

    Args:
        sd: standard deviation of the log-ratios of single blocks, from a pilot.
        effect: relative, such as 0.03 or -0.03.

    Raises:
        ValueError: the effect is 0 or at most -1, or the spread is negative.
    """
    _check(sd)
    if effect <= -1 or effect == 0:
        raise ValueError(f"there is no number of blocks for an effect of {effect}")
    noise_to_effect = sd / abs(math.log1p(effect))
    # t quantiles are larger than normal ones, so the search may start at the normal answer.
    normal = float(scipy.stats.norm.ppf(1 - ALPHA / 2) + scipy.stats.norm.ppf(POWER))
    count = max(FEWEST_BLOCKS, math.floor((normal * noise_to_effect) ** 2))
    while count < (_quantiles(count) * noise_to_effect) ** 2:
        count += 1
    return count


def detectable_effect(sd: float, blocks: int) -> float:
    """Return the smallest relative effect that so many blocks find nine times in ten.

    The same formula solved for the effect: exp((t(.975) + t(.90)) sd / sqrt(n)) - 1.

    Args:
        sd: standard deviation of the log-ratios of single blocks.
        blocks: at least two.

    Raises:
        ValueError: fewer than two blocks, or a negative spread.
    """
    _check(sd)
    if blocks < 2:  # noqa: PLR2004 - what a spread needs
        raise ValueError(f"a spread needs two blocks, not {blocks}")
    return math.expm1(_quantiles(blocks) * sd / math.sqrt(blocks))


def _quantiles(blocks: int) -> float:
    return float(
        scipy.stats.t.ppf(1 - ALPHA / 2, blocks - 1) + scipy.stats.t.ppf(POWER, blocks - 1)
    )


def _check(sd: float) -> None:
    if not sd >= 0:
        raise ValueError(f"a standard deviation is not {sd}")
