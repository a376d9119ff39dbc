"""What a generator left may be made up: a histogram is bounded before it is unpacked."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest
from hdrh.histogram import HdrHistogram

from analysis import latency
from analysis.generators.wrk import dump as wrk
from analysis.generators.wrk.text import WrkOutputError


def encoded(payload):
    packed = zlib.compress(payload)
    return base64.b64encode(struct.pack(">ii", 0x1C849314, len(packed)) + packed)


def head(digits, highest):
    return struct.pack(">iiiiqqd", 0x1C849313, 1, 0, digits, 1, highest, 1.0)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\0" * 2**24, "unpacks to more than"),
        (head(5, 3_600_000_000) + b"\x02", "5 digits"),
        (head(3, 2**60) + b"\x02", "3 digits from 1 to"),
        (head(0, 1000) + b"\x02", "0 digits"),
    ],
)
def test_a_histogram_of_a_strangers_size_is_refused(payload, why):
    with pytest.raises(ValueError, match=why):
        latency.decode_hdr(encoded(payload), where="made.hdr")


def test_a_histogram_of_the_labs_own_size_is_read():
    histogram = HdrHistogram(1, 3_600_000_000, 3)
    for value in range(1, 2_000_000, 50):
        histogram.record_value(value)
    assert latency.total(latency.decode_hdr(histogram.encode(), where="x")) == 40_000


def test_taking_out_what_wrk_added_ends():
    far = tuple((10**15 + each, 1) for each in range(10))
    with pytest.raises(WrkOutputError, match="reaches too far"):
        wrk.recover(far, requests=1000, connections=1, duration_us=1_000_000, timeouts=0)
