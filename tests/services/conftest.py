from tests.services.parts import database, fresh_clone, template

__all__ = ["database", "fresh_clone", "template"]
