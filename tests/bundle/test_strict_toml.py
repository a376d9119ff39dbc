"""What a TOML document of a bundle may cost is bounded before it is parsed."""

from __future__ import annotations

import pytest

from bundle import strict_toml
from workloads import stacks


def test_the_labs_own_is_read():
    data = (stacks.FOLDER / "stacks.toml").read_bytes()
    assert set(strict_toml.load(data)["stacks"]) == set(stacks.load(services=()))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1\n" + ".".join("a" * 9) + " = 1\n", "line 2 has a name of more than 8 parts"),
        ("[" + ".".join("a" * 9) + "]\n", "line 1 has a name"),
        ("x = " + "[" * 9 + "]" * 9 + "\n", "line 1 is nested"),
        ("x = " + "[\n" * 9 + "]" * 9 + "\n", "line 9 is nested"),
        ("x = '" + "y" * 5000 + "'\n", "line 1 is longer"),
        ("#" * 300_000, "larger than"),
        ("x = ", "Invalid value"),
    ],
)
def test_what_is_above_a_limit_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        strict_toml.load(text.encode())


def test_dots_and_brackets_of_a_text_or_a_comment_are_none():
    text = 'x = "a.b.c.d.e.f.g.h.i.j [[[[[[[[[[" # a.b.c.d.e.f.g.h.i.j [[[[[[[[[[\n'
    assert strict_toml.load(text.encode())["x"].startswith("a.b")
