import shutil
from functools import cache

import pytest

from agent import interpreters
from agent.stacks import build, environment_of
from tests.conftest import CHECKOUT
from tests.services.parts import database, fresh_clone, template
from workloads import stacks

__all__ = ["database", "fresh_clone", "template"]


@pytest.fixture(scope="session")
def stack_python():
    """Gives the interpreter of a stack by name; environments are kept for the next session."""

    @cache
    def find(name):
        stack = stacks.load()[name]
        uv = CHECKOUT / ".lab/uv/bin/uv"
        if not uv.exists():
            pytest.skip("bootstrap.py has not installed uv")
        if not interpreters.find(stack.python):
            pytest.skip(f"needs CPython {stack.python}: {interpreters.how_to_get(stack.python)}")
        if stack.build_lock and not shutil.which("cc"):
            pytest.skip("needs a C compiler (the package build-essential)")
        envs = CHECKOUT / ".lab/envs"
        outcome = build(stack, envs=envs, uv=uv, cache=CHECKOUT / ".lab/cache/uv")
        assert outcome.failures == []
        return str(environment_of(stack, envs) / "bin/python")

    return find
