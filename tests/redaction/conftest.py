from tests.run.conftest import inventory, lab_root, small_plan

__all__ = ["inventory", "lab_root", "small_plan"]
