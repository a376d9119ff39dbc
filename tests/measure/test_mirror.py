"""A mirror that only a host's own uv configuration names serves the environments made there."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from host import mirror
from ormlab.run.measure.deployment import _Environments
from tests.conftest import CHECKOUT


@pytest.fixture
def host(tmp_path):
    """A host that runs commands here, with a uv.toml of its own and without a mirror's variable."""
    (tmp_path / "config/uv").mkdir(parents=True)
    (tmp_path / "config/uv/uv.toml").write_text("index-url = 'file:///of-the-host'\n")
    variables = {name: value for name, value in os.environ.items() if name not in mirror.SAID}
    variables["XDG_CONFIG_HOME"] = str(tmp_path / "config")

    def run(*argv, **_):
        ended = subprocess.run(argv, env=variables, capture_output=True, text=True, check=True)
        return ended.stdout

    return SimpleNamespace(run=run)


def asked(host, tmp_path, variables):
    """The variables that uv sees on a host."""
    uv, seen = tmp_path / "uv", tmp_path / "seen"
    uv.write_text(f'#!/bin/sh\n[ "$1 $2" = "--no-config venv" ] && env > {seen}\n')
    uv.chmod(0o755)
    made = _Environments(host, str(CHECKOUT), sys.executable, str(uv), str(tmp_path / "cache"))
    made._run(variables, "venv")
    return dict(line.partition("=")[::2] for line in seen.read_text().splitlines())


def test_it_is_read_where_the_environment_is_made(host, tmp_path):
    found = asked(host, tmp_path, {})
    assert found["UV_DEFAULT_INDEX"] == "file:///of-the-host"
    assert found["UV_CACHE_DIR"] == str(tmp_path / "cache")
    assert found["UV_PYTHON_DOWNLOADS"] == "never"


def test_a_host_without_network_uses_what_was_shipped_and_no_mirror(host, tmp_path):
    found = asked(host, tmp_path, {"UV_FIND_LINKS": "/wheels", "UV_OFFLINE": "1"})
    assert (found["UV_FIND_LINKS"], found["UV_OFFLINE"]) == ("/wheels", "1")
    assert "UV_DEFAULT_INDEX" not in found
