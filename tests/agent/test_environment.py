"""What an agent starts is not what the agent's own variables would make of it."""

from __future__ import annotations

import pytest

from tests.agent.placing import carry_out, client_load
from tests.environment.test_table import HOSTILE


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_service_runs_as_it_was_built_whatever_the_agents_variables(
    order, tmp_path, monkeypatch, table_path, loop
):
    clean = HOSTILE | {"PYTHONTRACEMALLOC": "5", "http_proxy": "http://127.0.0.1:9"}
    for name, value in clean.items():
        # The agent itself must find its own code; on a host a shell has seen to that.
        if name != "PYTHONPATH":
            monkeypatch.setenv(name, value)
    order["service"]["settings"]["loop"] = loop
    order["load"] = client_load(table_path)
    done = carry_out(order, tmp_path)
    assert done.failure is None
    runtime = done.observed.health.runtime
    odd = ("bytes_warning", "debug", "dev_mode", "inspect", "no_site", "optimize", "verbose")
    assert {name: runtime.flags[name] for name in odd} == dict.fromkeys(odd, 0)
    assert (runtime.asyncio_debug, runtime.tracemalloc) == (False, False)
    assert runtime.allocator == runtime.allocator_of_build
    assert (runtime.preloaded, runtime.variables) == ([], [])
