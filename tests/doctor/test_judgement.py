"""What readings come to under each profile."""

from __future__ import annotations

import pytest

from agent.readings import READINGS, collect
from analysis.host import (
    EXPECTATIONS,
    PROFILES,
    Verdict,
    best_profile,
    judge,
    sentence,
    shown,
    tier_meaning,
)
from tests.doctor.hosts import NAMES, build, place, remove, write

CPU = "sys/devices/system/cpu"
# What this machine's own programs and disk say is not the fixture's.
OWN = {"disk_free", "disk_kind", "uv", "wrk", "compiler", "python", "clock_resolution"}


def verdicts(document, profile):
    return {each.key: each.verdict for each in judge(document, profile) if each.key not in OWN}


@pytest.fixture
def ryzen(tmp_path):
    return build("ryzen-smt-off", tmp_path)


def test_every_reading_has_an_expectation_and_every_expectation_a_reading():
    keys = [expectation.key for expectation in EXPECTATIONS]
    assert sorted(keys) == sorted(reading.key for reading in READINGS)


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=lambda each: each.key)
def test_every_expectation_is_complete_and_nothing_unreadable_is_ok(expectation):
    assert expectation.why
    assert expectation.do
    for profile in PROFILES:
        assert expectation.limits[profile].says
        assert expectation.breach[profile] in {Verdict.WARNING, Verdict.FATAL}
        assert expectation.verdict(None, profile) in {Verdict.UNKNOWN, Verdict.FATAL}


def test_a_host_as_it_should_be_passes_under_every_profile(ryzen):
    for profile in PROFILES:
        assert set(verdicts(collect(place(ryzen)), profile).values()) == {Verdict.OK}


@pytest.mark.parametrize(
    ("key", "path", "text"),
    [
        ("virtualisation", "proc/cpuinfo", "flags : fpu hypervisor"),
        ("governor", f"{CPU}/cpu3/cpufreq/scaling_governor", "schedutil"),
        ("boost", f"{CPU}/cpufreq/boost", "1"),
        ("smt", f"{CPU}/smt/active", "1"),
        ("idle_latency", f"{CPU}/cpu9/cpuidle/state3/disable", "0"),
        ("mitigations", "proc/cmdline", "ro mitigations=off"),
        ("aslr", "proc/sys/kernel/randomize_va_space", "1"),
        ("thp", "sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never"),
        (
            "swap",
            "proc/meminfo",
            "MemAvailable: 62914560 kB\nSwapTotal: 8 kB\nSwapFree: 8 kB\nHugePages_Total: 0",
        ),
        (
            "clocksource",
            "sys/devices/system/clocksource/clocksource0/current_clocksource",
            "hpet",
        ),
        ("cpu_quota", "sys/fs/cgroup/user.slice/cpu.max", "100000 100000"),
    ],
)
def test_each_fault_alone_is_fatal_on_bare_metal_and_never_elsewhere(key, path, text, ryzen):
    write(ryzen, path, text)
    document = collect(place(ryzen))
    found = verdicts(document, "bare-metal")
    assert {name for name, verdict in found.items() if verdict is not Verdict.OK} == {key}
    assert found[key] is Verdict.FATAL
    for profile in ("vm", "smoke"):
        assert verdicts(document, profile)[key] in {Verdict.WARNING, Verdict.OK}


def test_foreign_load_and_a_taken_port_are_found(ryzen):
    busy = "cpu  1400 0 500 161200 100 0 10 0 0 0\nprocs_running 2"
    found = verdicts(collect(place(ryzen, stat=busy, ports=(22,))), "bare-metal")
    assert found["foreign_cpu"] is Verdict.FATAL
    assert found["ports_taken"] is Verdict.FATAL


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("governor", f"{CPU}/cpu0/cpufreq/scaling_governor"),
        ("boost", f"{CPU}/cpufreq"),
        ("smt", f"{CPU}/smt/active"),
        ("aslr", "proc/sys/kernel/randomize_va_space"),
        ("thp", "sys/kernel/mm/transparent_hugepage"),
        ("mitigations", "proc/cmdline"),
    ],
)
def test_a_required_sensor_that_is_gone_is_fatal_on_bare_metal_and_unknown_elsewhere(
    key, path, ryzen
):
    remove(ryzen / path)
    document = collect(place(ryzen))
    assert document["readings"][key]["value"] is None
    assert verdicts(document, "bare-metal")[key] is Verdict.FATAL
    assert verdicts(document, "vm")[key] is Verdict.UNKNOWN


def test_a_reading_that_was_never_taken_is_unknown(ryzen):
    document = collect(place(ryzen))
    del document["readings"]["energy_preference"]
    (finding,) = [each for each in judge(document, "vm") if each.key == "energy_preference"]
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason == "this reading was not taken"


@pytest.mark.parametrize("host", NAMES)
def test_the_strictest_profile_is_vm_below_a_hypervisor(host, tmp_path):
    document = collect(place(build(host, tmp_path)))
    assert best_profile(document) == ("vm" if host.startswith("vm") else "bare-metal")
    assert document["readings"]["tier"]["value"] in tier_meaning(document)


def test_the_sentence_says_whether_for_what_and_what_is_weak(tmp_path):
    document = collect(place(build("vm-two-cores", tmp_path), ports=(1,)))
    weak = sentence(document, judge(document, "vm"), "vm")
    assert "as vm (2-core VM, tier degraded; " in weak
    assert "not readable: governor, boost" in weak
    refused = sentence(document, judge(document, "bare-metal"), "bare-metal")
    assert refused.startswith("This host must not be measured on as bare-metal: virtualisation is")
    assert "more" in refused


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "us", "-"),
        (False, None, "no"),
        ([], None, "none"),
        ([15432, 18080], None, "15432, 18080"),
        ([3000, 4500], "MHz", "3000, 4500 MHz"),
        (3 << 30, "bytes", "3.0 GiB"),
        (0.015, "share", "1.5 %"),
        (0, "bytes", "0"),
        ("none", "cores", "none"),
        ("1.5", "cores", "1.5 cores"),
    ],
)
def test_how_values_are_shown(value, unit, text):
    assert shown(value, unit) == text
