import statistics

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from analysis.latency import deviation, mean, quantiles, quotable, read_hdr, total


def test_nearest_rank():
    bins = ((10, 500), (20, 490), (30, 10))
    assert quantiles(bins, [0.5, 0.9, 0.99]) == {0.5: 10, 0.9: 20, 0.99: 20}
    assert quantiles(((10, 500), (20, 489), (30, 11)), [0.99]) == {0.99: 30}


@given(st.lists(st.integers(0, 10_000), min_size=20, max_size=300))
def test_the_median_has_half_of_the_samples_on_either_side(samples):
    bins = tuple((value, samples.count(value)) for value in sorted(set(samples)))
    median = quantiles(bins, [0.5])[0.5]
    assert sum(each <= median for each in samples) >= len(samples) / 2
    assert sum(each < median for each in samples) < len(samples) / 2


@pytest.mark.parametrize(
    ("quantile", "needed"), [(0.5, 20), (0.9, 100), (0.99, 1_000), (0.999, 10_000)]
)
def test_a_quantile_needs_ten_samples_beyond_it(quantile, needed):
    assert quotable(quantile, needed)
    assert not quotable(quantile, needed - 1)
    assert quantiles(((7, needed - 1),), [quantile]) == {quantile: None}
    assert quantiles(((7, needed),), [quantile]) == {quantile: 7}


def test_no_samples_no_figures():
    assert quantiles(()) == {0.5: None, 0.9: None, 0.99: None, 0.999: None}
    assert mean(()) is None


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=200))
def test_the_deviation_is_that_of_the_samples(samples):
    bins = tuple((value, samples.count(value)) for value in sorted(set(samples)))
    assert deviation(bins) == pytest.approx(statistics.stdev(samples))


def test_a_deviation_needs_two_samples():
    assert deviation(()) is None
    assert deviation(((7, 1),)) is None
    assert deviation(((7, 1), (8, 1))) == pytest.approx(0.5**0.5)


def test_counts_below_zero_have_no_deviation():
    """What is left where wrk's own corrections cannot be taken out."""
    assert deviation(((1, 5), (1000, -2))) is None


@pytest.mark.parametrize("quantile", [0, 1, -0.5, 99])
def test_a_quantile_outside_zero_and_one_is_refused(quantile):
    with pytest.raises(ValueError, match="inside"):
        quantiles(((1, 100),), [quantile])


@given(st.dictionaries(st.integers(0, 10**8), st.integers(1, 1000), min_size=1, max_size=50))
def test_hdr_files_keep_every_count_and_three_digits(tmp_path_factory, counts):
    histogram = HdrHistogram(1, 3_600_000_000, 3)
    for value, count in counts.items():
        histogram.record_value(value, count)
    path = tmp_path_factory.mktemp("hdr") / "response.hdr"
    path.write_bytes(histogram.encode())
    bins = read_hdr(path)
    assert total(bins) == sum(counts.values())
    for value, count in counts.items():
        assert any(value <= high <= value * 1.001 + 1 and held >= count for high, held in bins)


@pytest.mark.parametrize("content", [b"", b"not a histogram", b"HISTFAAAAAA="])
def test_a_file_that_is_no_histogram_is_refused(tmp_path, content):
    path = tmp_path / "response.hdr"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="response"):
        read_hdr(path)
