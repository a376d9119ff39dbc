import json
import sys

import pytest

from tests.services.running import started
from workloads.services import settings
from workloads.services.__main__ import main
from workloads.services.settings import Settings, SettingsError

DATABASE = {"host": "127.0.0.1", "port": 5432, "user": "u", "database": "d", "passfile": "p"}
LEAST = {"service": "asyncpg", "host": "127.0.0.1", "port": 8100, "database": DATABASE}

WRONG = {
    "unknown key 'wrkers'": LEAST | {"wrkers": 2},
    "unknown key 'password'": LEAST | {"database": DATABASE | {"password": "secret"}},
    "unknown key 'max'": LEAST | {"pool": {"max": 3}},
    "lacks the key 'port'": {key: LEAST[key] for key in ("service", "host", "database")},
    "lacks the key 'user'": LEAST
    | {"database": {key: DATABASE[key] for key in DATABASE if key != "user"}},
    "service must be one of": LEAST | {"service": "nobody"},
    "loop must be one of": LEAST | {"loop": "trio"},
    "json must be one of": LEAST | {"json": "ujson"},
    "framework must be one of aiohttp, fastapi": LEAST | {"framework": "flask"},
    "cache.entries must be 1 to": LEAST | {"cache": {"entries": 0}},
    "ttl_s must be float": LEAST | {"cache": {"ttl_s": True}},
    "workers must be int": LEAST | {"workers": "2"},
    "workers must be int, not True": LEAST | {"workers": True},
    "workers must be 1 to": LEAST | {"workers": 0},
    "port must be 1 to": LEAST | {"port": 65_536},
    "pool.size must be 1 to": LEAST | {"pool": {"size": 0}},
    "pool.overflow must be 0 to": LEAST | {"pool": {"overflow": -1}},
    "settings must be an object": [],
    "database must be an object": LEAST | {"database": "postgres://"},
    "unknown key 'echo'": LEAST | {"service": "sqlalchemy", "options": {"echo": True}},
    "isolation_level must be one of AUTOCOMMIT, ": LEAST
    | {"service": "sqlalchemy", "options": {"isolation_level": "CHAOS"}},
    "reset_on_return must be one of rollback, commit or null": LEAST
    | {"service": "sqlalchemy", "options": {"reset_on_return": True}},
    "reset_on_return must be bool": LEAST | {"options": {"reset_on_return": "no"}},
}


def written(tmp_path, document):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(document))
    return file


def test_what_is_not_said_has_a_default(tmp_path):
    read = settings.read(written(tmp_path, LEAST))
    assert read == Settings(
        service="asyncpg",
        host="127.0.0.1",
        port=8100,
        database=settings.Database(**DATABASE),
        pool=settings.Pool(size=10, overflow=0),
        workers=1,
        framework="aiohttp",
        cache=settings.Cache(ttl_s=0.0, entries=1024),
        options={},
        loop="asyncio",
        json="stdlib",
    )


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_key_or_value_ends_in_one_line_and_exit_2(tmp_path, capsys, message):
    assert main([str(written(tmp_path, WRONG[message]))]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("workloads.services: ")
    assert said.count("\n") == 1


def test_the_process_ends_with_exit_2_too(tmp_path):
    with started(tmp_path, LEAST | {"wrkers": 2}) as running:
        assert running.wait() == 2
        assert "unknown key 'wrkers'" in running.stderr


@pytest.mark.parametrize("argv", [[], ["one.json", "two.json"]])
def test_one_file_is_wanted(capsys, argv):
    assert main(argv) == 2
    assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "library"), [("json", "orjson"), ("loop", "uvloop"), ("framework", "fastapi")]
)
def test_a_library_that_the_stack_lacks_is_named(tmp_path, capsys, monkeypatch, key, library):
    monkeypatch.setitem(sys.modules, library, None)
    assert main([str(written(tmp_path, LEAST | {key: library}))]) == 2
    assert library in capsys.readouterr().err


def test_a_file_that_is_missing_or_no_json_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.json: No such file"):
        settings.read(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text("{")
    with pytest.raises(SettingsError, match=r"cut\.json is not JSON"):
        settings.read(tmp_path / "cut.json")
