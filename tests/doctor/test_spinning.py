"""The jitter floor: gaps by size and their share, and this machine with a competitor."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from host.spinning import SIZES_US, summary
from tests.conftest import CHECKOUT

SPIN = """
import json, sys
from dataclasses import asdict
from host.spinning import measure
spun = measure([int(sys.argv[1])], 0.3)
print(json.dumps({cpu: asdict(each) | {"share": each.share} for cpu, each in spun.items()}))
"""


def test_gaps_are_counted_by_size_and_the_clocks_own_cost_is_no_jitter():
    gaps = [1_000, 9_999, 10_000, 250_000, 5_000_000]
    quiet_ns = 100 * (10_000 - len(gaps))
    spun = summary(gaps, looks=10_000, elapsed_ns=quiet_ns + sum(gaps))
    assert spun.look_ns == pytest.approx(100)
    assert dict(zip(SIZES_US, spun.counts, strict=True)) == {1: 2, 10: 1, 100: 1, 1000: 1}
    assert spun.longest_us == 5_000
    assert spun.stolen_s == pytest.approx((sum(gaps) - 500) / 1e9)
    assert spun.share == pytest.approx(spun.stolen_s / spun.seconds)


def test_a_cpu_from_which_nothing_was_taken_has_no_gap():
    spun = summary([], looks=1_000, elapsed_ns=100_000)
    assert (spun.longest_us, spun.stolen_s, sum(spun.counts)) == (0, 0, 0)


def spin(cpu):
    command = [sys.executable, "-c", SPIN, str(cpu)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)


@pytest.fixture
def competitor():
    """A process that is busy on one CPU, and that CPU."""
    cpu = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{cpu}}}); print(flush=True)\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield cpu
    process.kill()
    process.communicate()


def test_a_competitor_on_the_same_cpu_is_seen(competitor):
    answer = spin(competitor)
    spun = json.loads(answer.stdout)[str(competitor)]
    assert spun["share"] > 0.2  # the scheduler halves the CPU between them
    assert spun["longest_us"] > 1_000
    assert 0 < spun["look_ns"] < 100_000


def test_a_cpu_on_which_nobody_may_run_is_named():
    absent = os.cpu_count() + 1000
    answer = spin(absent)
    assert f"NotReadable: CPU {absent}: Invalid argument" in answer.stderr
