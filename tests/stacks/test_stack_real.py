"""The stacks of the lab, built for real: this needs the network or a filled cache."""

import re
import shutil

import pytest

from agent import interpreters
from agent.stacks import build
from bundle.codec import serialise
from tests.conftest import CHECKOUT
from workloads import stacks

STACKS = stacks.load()
LAB = CHECKOUT / ".lab"
WORKING = [stack for stack in STACKS.values() if stack.expect == "works"]


@pytest.fixture
def make(uv):
    """Builds a stack where the tests of services have theirs, so that each is built once."""

    def make_(stack):
        if not interpreters.find(stack.python):
            pytest.skip(f"needs CPython {stack.python}: {interpreters.how_to_get(stack.python)}")
        if stack.build_lock and not shutil.which("cc"):
            pytest.skip("needs a C compiler (the package build-essential)")
        outcome = build(stack, envs=LAB / "envs", uv=uv, cache=LAB / "cache/uv")
        assert not re.search(r"(?<![\w.])/\w+/", serialise(outcome).decode()), (
            "a path of this machine"
        )
        return outcome

    return make_


@pytest.mark.parametrize("stack", WORKING, ids=lambda stack: stack.name)
def test_a_stack_works_and_is_compiled_exactly_where_it_says(make, stack):
    outcome = make(stack)
    assert outcome.failures == []
    assert outcome.ok
    assert outcome.python.version.startswith(stack.python.partition("+")[0])
    assert outcome.packages == {name: pin.version for name, pin in stack.pins().items()}
    assert outcome.extensions == {
        module: package not in stack.pure
        for package, modules in stack.compiled.items()
        for module in modules
    }


def test_the_published_stack_fails_on_the_published_interpreter_for_the_known_reasons(make):
    stack = STACKS["published"]
    outcome = make(stack)
    assert not outcome.ok
    assert outcome.python.version == "3.13.0"
    driver, orm = outcome.failures
    assert (driver.package, driver.version, driver.stage) == ("asyncpg", "0.29.0", "install")
    assert "error: " in driver.reason
    assert (orm.package, orm.version, orm.stage) == ("sqlalchemy", "2.0.21", "import")
    assert orm.reason.startswith("AssertionError: Class ")
    assert "TypingOnly" in orm.reason
    assert {(tried.package, tried.version): tried.ok for tried in outcome.alone} == {
        ("aiohttp", "3.9.1"): True,
        ("asyncpg", "0.29.0"): False,
        ("sqlalchemy", "2.0.21"): False,
        ("tortoise-orm", "0.21.0"): True,
    }
    server = outcome.alone[0]
    assert server.extensions == dict.fromkeys(stack.compiled["aiohttp"], True)
