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
