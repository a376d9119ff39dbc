"""Reading JSON by a type is as strict as reading it without one."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.codec import Part, parse, read

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


class Counted(Part, frozen=True):
    """A document with a key of its own and one for anything."""

    count: int = 0
    more: object = None


@given(value=VALUES, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_what_programs_write_is_read_alike(value, indent, ascii_only):
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert read(data, object) == parse(data) == value


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"count": 1, "count": 1}', "occurs twice"),
        (b'{"count": 1, "c\\u006funt": 1}', "occurs twice"),
        (b'{"more": [{"a": "}", "a": 1}]}', "occurs twice"),
        (b'{"more": {"a": 1, "b": {"a": 1}, "a": 1}}', "occurs twice"),
        (b'{"count": 18446744073709551616}', "more than 64 bits"),
        (b'{"count": -9223372036854775809}', "more than 64 bits"),
        (b'{"more": %s1%s}' % (b"[" * 64, b"]" * 64), "nested more than 64"),
        (b'{"more": [%s0]}' % (b"0," * 2_000_000), "more than 2,000,000 values"),
        (b'{"more": NaN}', "NaN is not JSON|malformed"),
        (b'{"more": 1e999}', "too large|out of range"),
        (b'{"more": "\xff"}', "utf-8"),
        (b'{"more": "' + b'\\"' * 1_000_000, "truncated|Unterminated"),
        (b'{"count": "one"', "delimiter"),
        (b"", "truncated"),
    ],
    ids=lambda each: None if isinstance(each, bytes) else each,
)
def test_what_is_no_strict_json_is_refused_as_such(data, why):
    with pytest.raises(ValueError, match=why) as refused:
        read(data, Counted)
    assert not isinstance(refused.value, msgspec.ValidationError) or "range" in str(refused.value)


@pytest.mark.parametrize("data", [b"null", b"[]", b'{"count": 1.5}', b'{"count": 1, "x": 1}'])
def test_json_of_another_kind_says_so(data):
    with pytest.raises(msgspec.ValidationError):
        read(data, Counted)


def test_as_deep_and_as_long_as_the_limits_is_read():
    deep = b'{"more": %s1%s}' % (b"[" * 63, b"]" * 63)
    assert read(deep, Counted).more == parse(deep)["more"]
    assert read(b'{"count": 18446744073709551615}', Counted).count == 2**64 - 1
    assert read(b'{"more": [{"a": 1}, {"a": 1}], "count": 1}', Counted).count == 1
