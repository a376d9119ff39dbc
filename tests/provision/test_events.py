"""Ansible's events are foreign: what is needed of them is read strictly, the rest is not kept."""

from __future__ import annotations

import pytest

from ormlab.base.errors import ProvisioningError
from ormlab.provision.events import Reader, Recap

TASK = {"task": "Write", "task_uuid": "1", "task_path": "/elsewhere/p.yml:3", "host": "bench1"}


def event(kind, **data):
    return {"event": kind, "event_data": data}


def test_an_event_of_another_shape_is_refused_by_name():
    reader = Reader()
    for broken in (
        {"event": "runner_on_ok"},
        event("runner_on_ok", host="bench1"),
        event("runner_on_ok", **TASK, res={"changed": "perhaps"}),
        event("playbook_on_stats", processed=3, failures={}, dark={}),
    ):
        with pytest.raises(ProvisioningError, match="unreadable") as refused:
            reader.read(broken)
        assert refused.value.code == "ansible-event"


def test_what_is_not_needed_is_passed_over():
    assert Reader().read(event("verbose", anything=1)) is None
    assert Reader().read(event("an_event_of_the_future")) is None


def test_what_a_module_returned_is_not_kept():
    ended = Reader().read(event("runner_on_ok", **TASK, res={"changed": True, "stdout": "hunter2"}))
    assert "hunter2" not in repr(ended)


def test_unreachable_hosts_count_as_failed():
    stats = event("playbook_on_stats", processed={"a": 1, "b": 1}, failures={}, dark={"b": 1})
    assert Reader().read(stats) == Recap(frozenset({"a", "b"}), frozenset({"b"}))
