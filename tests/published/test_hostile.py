"""Any file at all becomes a draft without problems, or one error: never anything else."""

from __future__ import annotations

import json
import os
from datetime import date

import pytest
from hypothesis import HealthCheck, event, given, seed, settings
from hypothesis import strategies as st

from analysis.published import LARGEST
from ormlab.base.errors import UsageError
from ormlab.judging import published
from ormlab.judging.ledger import examine
from ormlab.judging.verdicts import overview
from tests.published.test_formats import DATA, EXPECTED

# All 5,000: ORMLAB_RESULTS=5000 pytest tests/published/test_hostile.py
RESULTS = int(os.environ.get("ORMLAB_RESULTS", "150"))
TEXTS = {name: (DATA / name).read_bytes() for name in EXPECTED}
WORDS = [
    *(b"nan", b"NaN", b"-nan", b"inf", b"1e999", b"-1", b"0", b"9" * 5000, b"1.2.3", b"\x00"),
    *(b"\xff", b"\xe2\x80\xae", b"{", b"}", b"[" * 200, b'"', b"\\ud800", b"null", b"true"),
    *(b"\n", b"\n" * 1000, b"Running 1s test @ x\n", b"\xd9\xa3", b"1e-300", b"\x1b[31m", b" "),
]


def make(data, **options):
    given = published.Given("result.txt", data)
    return published.make([given], name="x", today=date(2026, 11, 30), **options)


def check(data):
    """Import a file; returns the draft, or None if it was refused."""
    try:
        made = make(data)
    except UsageError as wrong:
        refused = wrong
    else:
        overview(made.ledger)
        return made
    assert refused.code in {"result-invalid", "draft-refused"}
    assert 0 < len(refused.what) <= 1000
    assert refused.hint
    return None


@st.composite
def changed(draw):
    """A real file with bytes put in, taken out, or in another place."""
    data = draw(st.sampled_from(sorted(TEXTS.values())))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 40)))
        data = data[:start] + draw(st.sampled_from([b"", *WORDS])) + data[stop:]
    return data


@seed(20261130)
@settings(max_examples=RESULTS, suppress_health_check=list(HealthCheck), database=None)
@given(data=changed() | st.binary(max_size=300))
def test_a_file_that_went_wrong_is_refused_or_drafted(data):
    event("drafted" if check(data) else "refused")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_that_is_cut_off_anywhere_is_refused_or_has_fewer_claims(name):
    data = TEXTS[name]
    whole = len(check(data).ledger.ledger.claims)
    for stop in range(0, len(data), max(1, len(data) // 12)):
        made = check(data[:stop])
        assert made is None or len(made.ledger.ledger.claims) <= whole


MIB = 2**20
EXPENSIVE = {
    "too large": b" " * (LARGEST + 1),
    "a long text": b"x" * (MIB + 1),
    "many heads of wrk": b"Running 1s test @ x\n" * (MIB // 20 - 1),
    "many uncorrected": b"Latency Distribution (HdrHistogram - Uncorrec\n" * (MIB // 46 - 1),
    "a summary of newlines": b"Summary:" + b"\n" * (MIB - 100),
    "slashes": b"/" * (MIB - 100),
    "digits": b"Requests/sec: " + b"1" * (MIB - 100),
    "quotes": b'{"' + b'\\"' * MIB,
    "brackets": b"{" + b'"a":[' * (MIB // 8),
    "one long number": b'{"a": ' + b"9" * MIB + b"}",
    "zeros": b"\x00" * MIB,
    "many values": b'{"a": [' + b"1," * (3 * MIB) + b"1]}",
}


@pytest.mark.parametrize("kind", EXPENSIVE)
def test_the_most_expensive_files_are_refused(kind):
    assert check(EXPENSIVE[kind]) is None


def benchmark(tests, frameworks):
    document = json.loads(TEXTS["techempower.json"])
    row = document["rawData"]["db"]["aiohttp"][0]
    document["rawData"] = {
        f"test-{test}": {f"framework-{number}": [row] for number in range(frameworks)}
        for test in range(tests)
    }
    return json.dumps(document).encode()


def test_a_benchmark_that_no_ledger_can_hold_is_refused_with_what_to_do(tmp_path):
    data = benchmark(20, 60)
    with pytest.raises(UsageError) as raised:
        make(data)
    assert raised.value.code == "draft-refused"
    assert "--only" in raised.value.hint
    made = make(data, only=["test-3-c16/framework-1*"])
    path = tmp_path / "ledger.yaml"
    path.write_text(made.text)
    assert examine(path)[1] == []
    assert len(made.ledger.ledger.subjects) == 11


def test_a_pattern_that_nothing_fits_names_what_there_is():
    with pytest.raises(UsageError, match="no run fits nothing") as raised:
        make(TEXTS["techempower.json"], only=["nothing"])
    assert raised.value.code == "result-none"
    assert "db-c16/aiohttp" in raised.value.hint
