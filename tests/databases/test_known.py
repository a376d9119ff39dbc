"""What a third database needs is a folder: nothing else in the tree names one."""

import importlib
import inspect

import pytest

from workloads.databases import interface, known
from workloads.databases.interface import Server


def server(kind):
    return Server(kind=kind, programs="", host="127.0.0.1", port=1, user="lab", passfile="/none")


def wanted(protocol):
    return {name for name in vars(protocol) if not name.startswith("_")}


def test_the_databases_are_found_by_their_folders():
    assert known.kinds() == ("mariadb", "postgresql")


@pytest.mark.parametrize("kind", known.kinds())
def test_a_database_has_all_that_the_lab_asks_of_one(kind):
    client = known.client(server(kind))
    assert client.server == server(kind)
    assert wanted(interface.DatabaseClient) <= set(dir(client))
    for name in wanted(interface.DatabaseClient):
        asked = inspect.getattr_static(interface.DatabaseClient, name)
        if not isinstance(asked, property):
            has = inspect.signature(getattr(type(client), name)).parameters
            assert len(has) == len(inspect.signature(asked).parameters), name
    instance = importlib.import_module(f"agent.databases.{kind}.instance")
    assert callable(instance.made)


@pytest.mark.parametrize("kind", known.kinds())
def test_a_password_comes_back_out_of_its_file(kind):
    client = known.client(server(kind))
    assert client.password(client.passfile_of("s3cret-_word")) == "s3cret-_word"


def test_an_unknown_database_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match="'oracle'; known: mariadb, postgresql"):
        known.client(server("oracle"))


def test_a_server_is_the_same_after_its_command_line():
    there = server("mariadb")
    assert known.options(there) == {
        "kind": "mariadb",
        "clients": "",
        "host": "127.0.0.1",
        "port": "1",
        "user": "lab",
        "passfile": "/none",
    }
