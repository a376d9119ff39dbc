"""Inventories of runs: what is read of them, and what is refused with its remedy."""

from __future__ import annotations

import pytest
import yaml

from ormlab.base.errors import InventoryError
from ormlab.hosts.inventory import load


@pytest.fixture
def write(tmp_path):
    """An inventory of one remote host with all three roles; of a role more hosts if asked."""

    def written(*, roles=("app", "db", "load"), more=(), **variables):
        hosts = {"one": {"ansible_host": "192.0.2.1", "lab_root": "/srv/ormlab", **variables}}
        children = {role: {"hosts": {"one": None}} for role in roles}
        for role in more:
            children[role]["hosts"]["two"] = None
        listed = {"bench": {"hosts": hosts | {"two": {}}, "children": children}}
        path = tmp_path / "bench.yml"
        path.write_text(yaml.safe_dump(listed))
        return path

    return written


def test_what_a_host_is_and_where_the_others_reach_it(write):
    found = load(write(lab_address="192.0.2.7", lab_user="ormlab", lab_sources={"from": "mirror"}))
    (host,) = found.hosts
    assert (host.name, host.address, host.reach) == ("one", "192.0.2.1", "192.0.2.7")
    assert (host.user, host.offline, host.postgres_cluster) == ("ormlab", True, None)
    assert found.roles_of(host) == ("app", "db", "load")


PROVISIONED = {"lab_postgres_cluster": "/etc/postgresql/16/ormlab"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lab_root": ""}, "inventory-root"),
        ({"roles": ("app", "load")}, "inventory-role"),
        ({"more": ("db",)}, "inventory-role"),
        (PROVISIONED, "inventory-postgres"),
        ({"lab_service_port": "http"}, "inventory-port"),
        ({"lab_postgres_port": 70000}, "inventory-port"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_with_its_place_and_a_remedy(write, changes, code):
    path = write(**changes)
    with pytest.raises(InventoryError) as refused:
        load(path)
    assert refused.value.code == code
    assert refused.value.where.startswith(str(path))
    assert refused.value.hint


def test_this_machine_under_two_names_is_refused(tmp_path):
    here = {"ansible_connection": "local", "lab_root": "/srv/ormlab"}
    hosts = {"one": here, "two": here}
    names = {"app": "one", "db": "two", "load": "one"}
    children = {role: {"hosts": {name: None}} for role, name in names.items()}
    path = tmp_path / "bench.yml"
    path.write_text(yaml.safe_dump({"bench": {"hosts": hosts, "children": children}}))
    with pytest.raises(InventoryError, match="one and two are all this machine") as refused:
        load(path)
    assert refused.value.code == "inventory-local"


def test_a_provisioned_cluster_is_served_with_the_programs_it_was_made_with(write):
    found = load(write(**PROVISIONED, lab_postgres_binaries="/usr/lib/postgresql/16/bin"))
    assert found.db.postgres_cluster == "/etc/postgresql/16/ormlab"


def test_a_file_that_is_not_there_is_never_this_machine(tmp_path):
    with pytest.raises(InventoryError) as refused:
        load(tmp_path / "none.yml")
    assert refused.value.code == "inventory-missing"
