"""What a spread of null log-ratios promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.inference import paired_t
from analysis.noise import floor, floors_of
from ormlab.plan import resolve
from ormlab.run.doctor import noise_plan

NULL = (0.02, -0.01, 0.015, -0.025, 0.0, 0.01)


@pytest.mark.parametrize("blocks", [10, 20])
def test_the_half_width_is_that_of_an_interval_of_so_many_blocks(blocks):
    promised = floor(NULL)
    spread = np.resize([1.0, -1.0], blocks)
    sample = spread / spread.std(ddof=1) * promised.sd
    interval = paired_t(list(sample)).ci95
    assert interval.high - 1 == pytest.approx(promised.half_width[str(blocks)])


def test_more_blocks_find_smaller_differences_and_a_noisier_machine_larger_ones():
    calm, noisy = floor(NULL), floor([2 * each for each in NULL])
    assert calm.detectable["20"] < calm.detectable["10"]
    assert calm.half_width["10"] < calm.detectable["10"]
    assert noisy.detectable["10"] > calm.detectable["10"]


def test_the_interval_of_the_spread_covers_it_as_often_as_it_says():
    true_sd, rounds = 0.03, 400
    draws = np.random.default_rng(20240101).normal(0.0, true_sd, (rounds, 8))
    told = [floor(list(draw)) for draw in draws]
    covered = sum(each.sd_low <= true_sd <= each.sd_high for each in told)
    # The 0.1 % quantiles of a binomial of 400 draws at 95 %.
    assert 366 <= covered <= 393


def test_one_block_has_no_spread():
    with pytest.raises(ValueError, match="two"):
        floor([math.log(1.01)])


def test_a_metric_that_too_few_trials_have_takes_no_other_one_with_it():
    floors, lacking = floors_of({"throughput": NULL, "p99": NULL[:1]})
    assert floors == {"throughput": floor(NULL)}
    assert lacking.keys() == {"p99"}
    assert ", 1 has" in lacking["p99"]
    with pytest.raises(ValueError, match=r"throughput: .* none has; p99: "):
        floors_of({"throughput": (), "p99": NULL[:1]})


@pytest.mark.parametrize(("wrk", "load"), [(True, "wrk"), (False, "client")])
def test_the_shipped_plan_deploys_one_service_twice_under_the_load_there_is(wrk, load):
    resolved = resolve(noise_plan(wrk=wrk))
    assert resolved.arms == {"asyncpg-null": "asyncpg"}
    assert {trial.load for trial in resolved.trials} == {load}
    assert len(resolved.trials) == 2 * resolved.plan.blocks
