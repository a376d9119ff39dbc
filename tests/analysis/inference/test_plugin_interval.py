"""The plugin's interval, which does without numpy, is the lab's own."""

from __future__ import annotations

import math
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference import signed_rank
from tests.conftest import CHECKOUT

FILE = CHECKOUT / "pytest-ormlab/src/pytest_ormlab/interval.py"


def plugin():
    """The module alone: the lab does not install the plugin."""
    spec = spec_from_file_location("plugin_interval", FILE)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


INTERVAL = plugin()


@given(st.lists(st.floats(-3, 3), min_size=INTERVAL.FEWEST, max_size=40, unique=True))
def test_it_is_the_lab_s_signed_rank_interval(log_ratios):
    lab = signed_rank(log_ratios)
    theirs = [math.exp(value) for value in INTERVAL.signed_rank(log_ratios)]
    assert theirs == pytest.approx([lab.ratio, lab.ci95.low, lab.ci95.high])
