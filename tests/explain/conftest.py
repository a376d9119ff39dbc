from tests.contract.conftest import stack_python
from tests.services.parts import database, fresh_clone, template

__all__ = ["database", "fresh_clone", "stack_python", "template"]
