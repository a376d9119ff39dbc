"""The ports of a run on its hosts, and the lab's folder there that one run has at a time."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import closing

import jsonschema
import pytest

from bundle import schemas
from bundle.codec import plain
from bundle.documents.host import Ports
from ormlab.base.errors import InventoryError, LoadError
from ormlab.hosts import connected
from ormlab.run.measure.deployment import Deployment
from ormlab.run.measure.ports import settle
from tests.conftest import CHECKOUT, free_port


def settled(spec, *roles, subjects=3, apart=False):
    with connected([spec]) as hosts:
        deployment = Deployment(hosts["here"], str(CHECKOUT), sys.executable, "uv", "", "")
        found = settle(deployment, roles, subjects, apart=apart)
    document = plain(found.document([f"s{number}" for number in range(subjects)]))
    jsonschema.validate(document, schemas.of(Ports))
    return found, document


def test_what_the_inventory_does_not_name_is_drawn(reach):
    found, document = settled(reach(lab_postgres_port=None), "app", "db", "load")
    found.require_free("here")
    first = found.services
    assert len(set(found.all)) == 4
    assert document == {
        "schema": "ports/1",
        "postgres": found.of_database("postgresql"),
        "services": {"s0": first, "s1": first + 1, "s2": first + 2},
        "named": [],
    }
    assert settled(reach(), "load")[1] == {"schema": "ports/1", "named": []}


def test_a_named_port_that_is_taken_is_refused_with_who_has_it(reach):
    named = free_port()
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", named + 2))
        other.listen()
        found, document = settled(reach(lab_service_port=named), "app", "db")
    assert document["named"] == ["services"]
    with pytest.raises(LoadError, match=f"port {named + 2} for services: ") as refused:
        found.require_free("here")
    assert refused.value.code == "port-taken"
    assert f"(process {os.getpid()})" in refused.value.what
    assert "lab_service_port" in refused.value.hint


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("192.0.2.1", "Cannot assign requested address"),
        ("no-such-host.invalid", "Name or service not known"),
    ],
)
def test_a_lab_address_of_another_host_is_one_clear_error(reach, address, why):
    with pytest.raises(InventoryError, match=f"here cannot listen on {address}, .*: {why}") as told:
        settled(reach(lab_address=address), "app", "db", apart=True)
    assert told.value.code == "address-not-own"
    assert "lab_address" in told.value.hint
    settled(reach(lab_address=address), "app", "db")  # no other host is to reach it
