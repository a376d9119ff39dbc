import importlib
import platform

import pytest

from tests.services.running import SERVICES, serving, settings
from workloads.services import manifest
from workloads.services.health import _is_extension, jit


def default_driver(known):
    return known.databases["postgresql"][0]


def drivers():
    """The packages of every driver, with what belongs to psycopg."""
    known = [each.manifest for each in manifest.shipped().values()]
    named = {name for each in known for those in each.databases.values() for name in those}
    return {name for each in known for name in each.packages if name.split("-")[0] in named}


def test_a_process_has_one_framework_in_memory(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database, framework="fastapi")) as running:
        health = running.get("/health")
    assert (health["framework"], health["extensions"]["aiohttp"]) == ("fastapi", None)
    assert (health["extensions"]["httptools"], health["extensions"]["pydantic-core"]) == (
        True,
        True,
    )
    with serving(tmp_path, settings(psql, database)) as running:
        health = running.get("/health")
    assert (health["framework"], health["extensions"]["httptools"]) == ("aiohttp", None)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_it_is(psql, database, tmp_path, service):
    with serving(tmp_path, settings(psql, database, service=service)) as running:
        health = running.get("/health")
        assert health["pid"] == running.process.pid
    assert health["service"] == service
    assert health["python"] == platform.python_version()
    known = manifest.shipped()[service].manifest
    assert health["versions"]["aiohttp"]
    assert health["versions"].keys() >= {known.package, default_driver(known)}
    assert (health["pool"], health["workers"]) == ({"size": 3, "overflow": 0}, 1)
    assert (health["loop"], health["json"]) == ("asyncio", "stdlib")
    # There are wheels with extensions for all of them.
    used = {known.package, default_driver(known)} | (known.packages.keys() - drivers())
    compiled = {name for name in used if known.packages[name].compiled}
    assert {name: health["extensions"][name] for name in compiled} == dict.fromkeys(compiled, True)
    others = {name for each in manifest.shipped().values() for name in each.manifest.packages}
    assert not (others - known.packages.keys()) & health["versions"].keys()
    assert health["extensions"]["uvloop"] is None


def test_the_loop_it_names_is_the_loop_it_runs_on(psql, database, tmp_path):
    with serving(tmp_path, settings(psql, database, loop="uvloop")) as running:
        health = running.get("/health")
    assert (health["loop"], health["extensions"]["uvloop"]) == ("uvloop", True)


@pytest.mark.parametrize(
    ("options", "by_default", "asked_for", "forbidden"),
    [
        ("'--enable-optimizations'", None, None, None),
        ("'--enable-experimental-jit=no'", None, None, None),
        ("'--enable-experimental-jit=interpreter'", None, None, None),
        ("'--enable-experimental-jit' '--prefix=/x'", True, True, False),
        ("'--enable-experimental-jit=yes'", True, True, False),
        ("'--enable-experimental-jit=yes-off'", False, True, False),
    ],
)
def test_the_jit_is_on_as_the_build_and_the_variable_say(options, by_default, asked_for, forbidden):
    said = [jit(options, variable) for variable in (None, "1", "0")]
    assert said == [by_default, asked_for, forbidden]


def test_missing_extensions_are_told(psql, database, tmp_path, monkeypatch):
    monkeypatch.setenv("AIOHTTP_NO_EXTENSIONS", "1")
    monkeypatch.setenv("DISABLE_SQLALCHEMY_CEXT_RUNTIME", "1")
    with serving(tmp_path, settings(psql, database, service="sqlalchemy")) as running:
        extensions = running.get("/health")["extensions"]
    assert extensions["aiohttp"] is False
    assert extensions["asyncpg"] is True


def test_the_loader_of_a_module_tells_python_from_compiled():
    importlib.import_module("multidict._multidict")
    assert _is_extension("multidict._multidict")
    assert not _is_extension("json.decoder")
    assert not _is_extension("no.such.module")
