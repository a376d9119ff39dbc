"""The contract's OpenAPI description, read."""

from __future__ import annotations

from functools import reduce
from importlib.resources import files
from operator import getitem

import yaml

DOCUMENT = yaml.safe_load(files("workloads.contract").joinpath("openapi.yaml").read_text())


def resolved(part):
    while "$ref" in part:
        names = part["$ref"].removeprefix("#/").split("/")
        part = reduce(getitem, names, DOCUMENT)
    return part
