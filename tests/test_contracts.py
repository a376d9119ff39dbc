"""The import rules of pyproject.toml name every module that they are about."""

from __future__ import annotations

import tomllib

import pytest

from tests.conftest import CHECKOUT

_MODULES = {
    f"ormlab.{path.stem}" for path in (CHECKOUT / "ormlab").glob("[a-z]*") if "." not in path.stem
}


@pytest.mark.parametrize(
    ("rule", "side", "exempt"),
    [
        ("a bundle can be read and verified without the rest", "forbidden", "ormlab.bundle"),
        ("the analysis knows bundles and nothing else", "forbidden", "ormlab.bundle"),
        ("nothing imports the command line", "source", "ormlab.cli"),
        ("one module talks to hosts", "source", "ormlab.hosts"),
    ],
)
def test_an_import_rule_leaves_no_module_out(rule, side, exempt):
    document = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    contracts = document["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each["name"].startswith(rule))
    assert _MODULES - {exempt} <= set(contract[f"{side}_modules"])
