"""The rows every service works on, generated from a seed."""

from workloads.dataset.rows import Dataset
from workloads.dataset.template import (
    ChecksumError,
    Template,
    clone,
    drop,
    ensure_template,
    template_name,
)

__all__ = [
    "ChecksumError",
    "Dataset",
    "Template",
    "clone",
    "drop",
    "ensure_template",
    "template_name",
]
