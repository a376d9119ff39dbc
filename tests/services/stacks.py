"""The interpreters of stacks, for services that the environment of the tests cannot run."""

import shutil
import sys
from functools import cache

import pytest

from agent import interpreters
from agent.stacks import build, environment_of
from tests.conftest import CHECKOUT
from workloads import stacks
from workloads.services import manifest


def python_for(service):
    """The interpreter that runs a service: that of the tests, unless it brings a stack."""
    known = manifest.shipped().get(service)
    return python_of(service) if known and known.has_own_stack else sys.executable


@cache
def python_of(name):
    """The interpreter of a stack; its environment is kept for the next session."""
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
