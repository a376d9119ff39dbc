import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.contract import canonical
from workloads.services.codec import codec

INSTANTS = st.datetimes(timezones=st.just(UTC)).map(lambda when: when.replace(microsecond=0))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | TEXTS | INSTANTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))
NOT_JSON = [
    b"",
    b"{",
    b"{}{}",
    b"NaN",
    b"[Infinity]",
    b'"\xff"',
    rb'"\ud800"',
    rb'{"\udfff":1}',
    b"[" * 200_000,
    b"\xef\xbb\xbf{}",
]


@pytest.fixture(scope="module", params=["stdlib", "orjson"])
def library(request):
    if request.param == "orjson":
        pytest.importorskip("orjson", reason="not in this environment; in every stack `current`")
    return codec(request.param)


@given(value=VALUES)
def test_bytes_are_canonical(library, value):
    assert library.encode(value) == canonical.encode(value)


@given(value=VALUES)
def test_bytes_are_read_as_json(library, value):
    body = canonical.encode(value)
    assert library.decode(body) == json.loads(body)


@pytest.mark.parametrize("body", NOT_JSON, ids=repr)
def test_what_is_not_json_is_refused(library, body):
    with pytest.raises((ValueError, RecursionError)):
        library.decode(body)


def test_canonical_bytes_are_those_that_the_contract_names():
    value = {"b": datetime(33, 4, 3, 15, tzinfo=UTC), "a": ["é\u2028😀", '"\\/\x1f\x7f', 1, None]}
    expected = '{"b":"0033-04-03T15:00:00Z","a":["é\u2028😀","\\"\\\\/\\u001f\x7f",1,null]}'
    assert canonical.encode(value) == expected.encode()


@pytest.mark.parametrize("value", [datetime(2025, 1, 1), {1, 2}])  # noqa: DTZ001 - the point
def test_what_has_no_canonical_form_is_an_error(value):
    with pytest.raises(TypeError, match="no canonical form"):
        canonical.encode([value])


BEYOND = [
    b"1e400",
    b"-1e400",
    b"[1.8e308]",
    b"1" * 400,
    b"-" + b"9" * 5000,
    b'{"a":1e400,"a":1}',
    b"[" * 101 + b"]" * 101,
    b'{"a":' * 101 + b"1" + b"}" * 101,
    b'{"a":' + b"[" * 100 + b"]" * 100 + b',"a":1}',
    rb'{"a":"\ud800","a":1}',
]
WITHIN = {
    b"1.7e308": 1.7e308,
    b"9" * 300: float("9" * 300),
    b"-0": 0,
    b"1e-400": 0.0,
    b'"' + b"[{" * 500 + b'\\""': "[{" * 500 + '"',
    b"[" + b"[]," * 200 + b"1]": [*([] for _ in range(200)), 1],
    rb'{"\ud83d\ude00":"\\ud800"}': {"\U0001f600": r"\ud800"},
}


@pytest.mark.parametrize("body", BEYOND, ids=lambda body: repr(body[:20]))
def test_what_one_library_cannot_take_neither_takes(library, body):
    with pytest.raises(ValueError):  # noqa: PT011 - each library has its own words
        library.decode(body)


@pytest.mark.parametrize("body", WITHIN, ids=lambda body: repr(body[:20]))
def test_what_is_within_the_limits_is_read_alike(library, body):
    read = library.decode(body)
    assert (float(read) if body[:1] == b"9" else read) == WITHIN[body]


def test_a_hostile_body_takes_no_time_that_grows_with_its_square(library):
    # Of each escaped quote a search that goes back would begin anew: minutes, for this length.
    body = b"[" * 200 + b'"' + rb"\"" * 400_000
    with pytest.raises(ValueError):  # noqa: PT011 - each library has its own words
        library.decode(body)
