"""The registry of host items, and the documents of a bundle that it fills."""

from __future__ import annotations

import json

import msgspec
import pytest

from bundle.documents.host import Facts, HostFacts
from bundle.documents.readings import KernelCounts
from host.expectation import Rule, Severity
from host.identity import Identity, Wanted, identify, refusals
from host.items import COUNTERS, FACTS, ITEMS, KNOBS, facts
from host.levels import TIERS
from tests.doctor.hosts import NAMES, build, load, write


def test_no_name_is_used_twice():
    assert len({item.key for item in ITEMS}) == len(ITEMS)
    for registry, use in ((FACTS, "fact"), (COUNTERS, "counter"), (KNOBS, "knob")):
        assert len(registry) == sum(getattr(item, use) is not None for item in ITEMS)


@pytest.mark.parametrize("item", ITEMS, ids=lambda each: each.key)
def test_every_item_is_good_for_something(item):
    assert item.meaning
    assert item.source
    read = item.expected or (item.fact and not item.fact.read)
    assert bool(item.read) == bool(read)
    assert read or item.fact or item.counter or item.knob


def test_a_bundle_has_a_place_for_every_fact_and_every_counter():
    assert set(Facts.__struct_fields__) == FACTS.keys()
    assert set(KernelCounts.__struct_fields__) == COUNTERS.keys()


@pytest.mark.parametrize("host", NAMES)
def test_facts_are_read_below_a_root_and_fit_their_document(host, tmp_path):
    document = msgspec.json.decode(json.dumps(facts(build(host, tmp_path))), type=HostFacts)
    assert document.placement.tier in TIERS
    assert document.identifying.keys() == {*document.identity, "tier"}
    assert document.facts.virtual is host.startswith("vm")
    assert document.facts.smt == ("1" if load(host)["threads"] > 1 else "0")
    assert document.facts.aslr == "2"
    assert document.facts.memory_bytes == 65536000 * 1024
    assert document.facts.kernel is None  # the fixtures do not say


def test_a_fact_that_cannot_be_read_is_null_and_not_left_out(tmp_path):
    root = build("ryzen-smt-off", tmp_path)
    (root / "proc/meminfo").unlink()
    found = facts(root)
    assert found["facts"].keys() == FACTS.keys()
    assert found["facts"]["memory_bytes"] is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"', "Debian GNU/Linux 13 (trixie)"),
        ("PRETTY_NAME='Fedora \\$ 1'", "Fedora $ 1"),
        ("PRETTY_NAME=Arch", "Arch"),
        ("NAME=x", None),
    ],
)
def test_the_name_of_a_distribution_is_unquoted(line, name, tmp_path):
    root = build("one-core", tmp_path)
    write(root, "etc/os-release", f"# a comment\n\n{line}")
    assert facts(root)["facts"]["distribution"] == name


def test_this_machine_is_read_as_the_standard_library_and_psutil_read_it():
    platform = pytest.importorskip("platform")
    psutil = pytest.importorskip("psutil")
    found = facts()["facts"]
    assert found["distribution"] == platform.freedesktop_os_release()["PRETTY_NAME"]
    assert found["kernel"] == platform.release()
    assert found["memory_bytes"] == psutil.virtual_memory().total
    assert found["swap_bytes"] == psutil.swap_memory().total


def test_the_tiers_on_which_purposes_share_a_core_have_a_severity_of_their_own():
    rule = Rule(Severity.FATAL, Severity.FATAL, sharing=Severity.WARNING)
    for tier in TIERS:
        shares = tier in {"none", "degraded"}
        expected = Severity.WARNING if shares else Severity.FATAL
        assert rule.severity("bare-metal", tier) is rule.severity("smoke", tier) is expected
    assert rule.severity("vm", None) is Severity.FATAL


def test_an_unknown_amount_of_memory_is_not_none(tmp_path):
    found = Identity(None, None, None, ("debian", "13"), None, (), (), discharging=False)
    (refusal,) = refusals(found, Wanted(memory_gib=60), enrolled=False)
    assert refusal.code == "wrong-memory"
    assert "an unknown amount of memory" in refusal.what
    assert refusals(found, Wanted(), enrolled=False) == []
    assert identify(tmp_path).memory_gib is None
