"""The registry of host items, and the documents of a bundle that it fills."""

from __future__ import annotations

import json

import msgspec
import pytest

from bundle.documents.host import Facts, HostFacts
from bundle.documents.readings import KernelCounts
from host.expectation import Rule, Severity
from host.identity import Identity, Wanted, identify, refusals
from host.items import COUNTERS, FACTS, ITEMS, KNOBS, disk, facts
from host.kernel import Files, NotReadable
from host.levels import TIERS
from tests.doctor.hosts import NAMES, build, load, write


@pytest.mark.parametrize("marker", ["{}", "[]", "what", '{"machine_id": 1}'])
def test_a_marker_that_the_lab_has_not_written_is_refused(tmp_path, marker):
    (tmp_path / "etc/ormlab").mkdir(parents=True)
    (tmp_path / "etc/ormlab/enrolled.json").write_text(marker)
    codes = [each.code for each in refusals(identify(tmp_path), Wanted(), enrolled=True)]
    assert codes[0] == "strange-enrolment"
    assert "not-enrolled" not in codes


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


def test_a_host_with_too_little_space_for_its_profile_is_refused():
    found = Identity(
        None, None, None, ("debian", "13"), None, (), (), discharging=False, free_gib=9
    )
    vm, metal = (disk.needed_gib(profile, database=True) for profile in ("vm", "bare-metal"))
    assert refusals(found, Wanted(free_gib=vm), enrolled=False) == []
    (refusal,) = refusals(found, Wanted(free_gib=metal), enrolled=False)
    assert refusal.code == "little-space"
    assert refusal.what == "/var/lib has 9 GiB of free space, at least 40 are needed"
    assert disk.needed_gib("bare-metal", database=False) == 2


@pytest.mark.parametrize(
    ("model", "admitted"),
    [
        ("AMD Ryzen 9 7950X 16-Core Processor", True),
        ("AMD Ryzen 9 7950X3D 16-Core Processor", False),
        ("AMD Ryzen 9 17950X", False),
    ],
)
def test_a_processor_is_known_by_whole_words_of_its_name(model, admitted):
    found = Identity(None, model, None, ("debian", "13"), None, (), (), discharging=False)
    refused = refusals(found, Wanted(cpu_model="7950X"), enrolled=False)
    assert [each.code for each in refused] == ([] if admitted else ["wrong-processor"])


@pytest.mark.parametrize(
    ("scope", "discharging"), [("Device", False), ("System", True), (None, True)]
)
def test_the_battery_of_a_mouse_is_not_the_hosts(scope, discharging, tmp_path):
    supply = "sys/class/power_supply/hidpp_battery_0"
    write(tmp_path, f"{supply}/status", "Discharging")
    if scope:
        write(tmp_path, f"{supply}/scope", scope)
    assert identify(tmp_path).discharging is discharging


def module(size, rated, runs, part=""):
    """A memory module as the firmware's table has it (SMBIOS, type 17), up to its speed."""
    raw = bytearray(0x22)
    raw[:2] = (17, len(raw))
    for at, value in ((0x0C, size), (0x15, rated), (0x20, runs)):
        raw[at : at + 2] = value.to_bytes(2, "little")
    raw[0x1A] = 2 if part else 0
    strings = ["Unknown", part] if part else []
    return bytes(raw) + b"".join(f"{each}\0".encode() for each in strings or [""]) + b"\0"


BOARD = bytes((2, 8, 0, 0, 1, 0, 0, 0)) + b"ASUS\0\0"
GSKILL, CORSAIR = "F5-6000J3038F16G", "CMK32GX5M2B6000C36"
KINGSTON, CRUCIAL = "KF560C36BBE-16", "CT16G48C40U5.M8A1"


@pytest.mark.parametrize(
    ("modules", "said", "slow"),
    [
        ([module(16384, 6000, 4800)] * 2, ["unnamed: 6000 MT/s, runs at 4800 MT/s"], 1),
        (
            [module(16384, 6000, 6000), module(0, 0, 0)],
            ["unnamed: 6000 MT/s, runs at 6000 MT/s"],
            0,
        ),
        ([module(16384, 0xFFFF, 4800)], ["unnamed: unknown, runs at 4800 MT/s"], 0),
        ([module(16384, 4800, 6000)], ["unnamed: 4800 MT/s, runs at 6000 MT/s"], 0),
        # EXPO is off: the firmware takes the speed without it for the one of the label.
        (
            [module(16384, 4800, 4800, GSKILL)] * 2,
            [f"{GSKILL}: 6000 MT/s, runs at 4800 MT/s"],
            1,
        ),
        ([module(16384, 6000, 6000, GSKILL)], [f"{GSKILL}: 6000 MT/s, runs at 6000 MT/s"], 0),
        ([module(16384, 4800, 4800, CORSAIR)], [f"{CORSAIR}: 6000 MT/s, runs at 4800 MT/s"], 1),
        ([module(16384, 4800, 4800, KINGSTON)], [f"{KINGSTON}: 6000 MT/s, runs at 4800 MT/s"], 1),
        ([module(16384, 4800, 4800, CRUCIAL)], [f"{CRUCIAL}: 4800 MT/s, runs at 4800 MT/s"], 0),
    ],
)
def test_memory_below_the_speed_of_its_label_is_seen(modules, said, slow, tmp_path):
    folder = tmp_path / "sys/firmware/dmi/tables"
    folder.mkdir(parents=True)
    (folder / "DMI").write_bytes(b"".join([BOARD, *modules]))
    found = {item.key: item.read for item in ITEMS if item.key.startswith("memory_")}
    assert found["memory_modules"](Files(tmp_path)) == said
    assert found["memory_below_label"](Files(tmp_path)) == slow


@pytest.mark.parametrize(
    "table", [BOARD, BOARD[:9], bytes((17, 0, 0, 0)) + b"\0\0", b"\xff" * 64, module(1, 1, 1)[:20]]
)
def test_a_table_of_the_firmware_that_lists_no_modules_or_is_cut_off_is_unreadable(table, tmp_path):
    folder = tmp_path / "sys/firmware/dmi/tables"
    folder.mkdir(parents=True)
    (folder / "DMI").write_bytes(table)
    (read,) = (item.read for item in ITEMS if item.key == "memory_modules")
    with pytest.raises(NotReadable):
        read(Files(tmp_path))


def test_of_the_boot_parameters_only_those_are_kept_that_change_performance(tmp_path):
    write(tmp_path, "proc/cmdline", "root=UUID=12 ip=192.0.2.7 nosmt mitigations=auto quiet")
    (found,) = (item.read for item in ITEMS if item.key == "boot_parameters")
    assert found(Files(tmp_path)) == ["nosmt", "mitigations=auto"]
