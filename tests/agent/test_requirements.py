"""The agent runs on hosts that have what requirements/agent.in names, and no more."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

from agent.orders import Address, ServiceSettings
from tests.conftest import CHECKOUT
from workloads.services.settings import Database, Settings

LIGHT = """
import sys
import agent.__main__, agent.stacks.__main__, agent.ports
print(*sorted(set(sys.argv[1:]) & set(sys.modules)))
"""
HEAVY = ("click", "jsonschema", "numpy", "pyarrow", "pydantic", "scipy", "yaml", "zstandard")


def test_no_library_of_the_orchestrator_is_imported():
    """Importing a submodule runs its packages' own modules, which no import rule sees."""
    told = subprocess.run(
        [sys.executable, "-c", LIGHT, *HEAVY],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "\n"


def test_an_order_has_the_settings_that_a_service_takes():
    assert set(ServiceSettings.__struct_fields__) == {each.name for each in fields(Settings)}
    assert set(Address.__struct_fields__) == {each.name for each in fields(Database)}
