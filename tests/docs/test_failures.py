"""docs/failures.md has every code that the program gives, each with its meaning and a remedy."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from docs import failures
from tests.conftest import CHECKOUT

PAGE = failures.page("")
DESCRIBED = failures.described()


@pytest.mark.parametrize("code", DESCRIBED)
def test_a_code_has_a_meaning_and_a_remedy(code):
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", code)
    for texts in DESCRIBED[code]:
        assert texts, f"say it in TOLD of docs/failures.py, or in the source: {code}"
        for text in texts:
            assert failures.says_something(text), f"say it in TOLD of docs/failures.py: {code}"


def test_what_the_page_says_itself_is_still_needed():
    raised = failures.raised()
    assert failures.TOLD.keys() <= raised.keys(), "take the codes that are gone off TOLD"
    assert failures.BUNDLES.keys() == {kind.code for kind in failures.bundle_errors()}


def test_every_code_stands_on_the_page_once_among_the_failures():
    listed = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    both = {code for code, count in Counter(listed).items() if count > 1}
    # The agent and the bundle's writer both run out of space.
    assert both == {"disk-full"}
    assert set(listed) == DESCRIBED.keys() | failures.BUNDLES.keys()


def test_every_code_that_the_tests_expect_is_on_the_page():
    """The tests know codes from what the program really answers."""
    expected = set()
    for path in sorted((CHECKOUT / "tests").rglob("test_*.py")):
        expected |= set(
            re.findall(
                r"(?:failure|raised\.value|problem)\.code == \"([a-z-]+)\"", path.read_text()
            )
        )
        expected |= set(re.findall(r"problem\[\"code\"\] == \"([a-z-]+)\"", path.read_text()))
    assert len(expected) > 30
    assert expected - set(re.findall(r"`([a-z0-9-]+)`", PAGE)) == set()


def test_no_call_that_names_a_remedy_has_a_code_that_the_page_lacks():
    """Whatever makes the failure is called: it takes a code, and ``hint`` says what to do."""
    missing = set()
    for folder in failures.FOLDERS:
        for path in (CHECKOUT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and "hint" in {each.arg for each in node.keywords}:
                    named = [each.value for each in node.keywords if each.arg == "code"]
                    missing |= {
                        value.value
                        for code in [*node.args[:1], *named]
                        for value in ast.walk(code)
                        if isinstance(value, ast.Constant) and isinstance(value.value, str)
                        if re.fullmatch(r"[a-z]+(-[a-z]+)+", value.value)
                    }
    assert missing
    assert missing - set(re.findall(r"`([a-z0-9-]+)`", PAGE)) == set()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('Failure("a-b", f"it {x} ended", hint="look")', ("a-b", ["it ... ended"], ["look"])),
        ('LabError("a-b", what="it ended", hint=HINT)', ("a-b", ["it ended"], ["at the top"])),
        ('Refusal("a-b", "it ended", "look")', ("a-b", ["it ended"], ["look"])),
        ('LabError("a-b", "it " + str(x), hint="look")', ("a-b", ["it ..."], ["look"])),
    ],
)
def test_what_the_source_says_is_found(source, told):
    module = ast.parse(f'HINT = "at the top"\n\n\ndef f(x):\n    raise {source}\n')
    assert list(failures._made(module)) == [told]


BRANCHES = """
def f(x):
    if x:
        what = "one"
    else:
        what = "two"
    if x:
        what = "three"
        return Failure("first", what, hint="do")
    return Failure("second", what, hint="do")
def g(full):
    raise LabError("full" if full else "other", "w", hint="make room" if full else "look")
"""


def test_a_text_is_that_of_its_branch():
    found = {code: (what, hint) for code, what, hint in failures._made(ast.parse(BRANCHES))}
    assert found == {
        "first": (["three"], ["do"]),
        "second": (["one", "two", "three"], ["do"]),
        "full": (["w"], ["make room"]),
        "other": (["w"], ["look"]),
    }
