"""What the files of a trial under load that switches mean."""

from __future__ import annotations

import pytest

from analysis import generators
from tests.switchback import Block


@pytest.fixture
def block(tmp_path):
    made = Block({"a": 1000.0, "a-null": 1000.0, "b": 500.0})
    return made, made.write(tmp_path)


def test_the_figure_is_all_answers_over_the_time_of_all_slices(block):
    made, folders = block
    for name, folder in folders.items():
        slices = made.reports[name].slices
        figures = generators.of(folder).figures
        assert figures.requests == sum(each.answers for each in slices)
        assert figures.window_s == pytest.approx(
            sum(each.stop_ns - each.start_ns for each in slices) / 1e9
        )
        assert figures.throughput == pytest.approx(made.rates[name], rel=0.1)
        assert figures.span_ns == (slices[0].start_ns, slices[-1].stop_ns)
        assert figures.littles_ratio == pytest.approx(1, abs=0.05)
