import pytest

from tests.services.parts import database, fresh_clone, template
from tests.services.stacks import python_of

__all__ = ["database", "fresh_clone", "template"]


@pytest.fixture(scope="session")
def stack_python():
    """Gives the interpreter of a stack by name; environments are kept for the next session."""
    return python_of
