"""The rows every service works on, generated from a seed."""

from workloads.dataset.rows import Dataset

__all__ = ["Dataset"]
