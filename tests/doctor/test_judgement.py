"""What readings come to under each profile."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from analysis import limits
from analysis.host import (
    best_profile,
    judge,
    provisioned,
    sentence,
    tier_meaning,
    unknown_said,
)
from analysis.host.provisioned import Guard, Plan
from analysis.limits import shown
from bundle.documents.host import HostReadings
from bundle.documents.results import GateVerdict
from host.expectation import Limit, Severity
from host.identity import identify
from host.items import READINGS, readings
from host.levels import PROFILES
from host.settling import Outcome
from host.spinning import summary
from tests.doctor.hosts import NAMES, build, place, remove, write

CPU = "sys/devices/system/cpu"
# What this machine's own programs and disk say is not the fixture's.
OWN = {"disk_free", "disk_kind", "uv", "wrk", "compiler", "python", "clock_resolution"}
OWN |= {"disk_model", "disk_mount", "write_cache", "io_scheduler", "nvme_latency"}
OWN |= {"microcode", "firmware", "memory_modules", "memory_below_label"}


def collect(place) -> HostReadings:
    """The readings of a place as a bundle has them."""
    return msgspec.json.decode(msgspec.json.encode(readings(place)), type=HostReadings)


def verdicts(document, profile):
    return {each.key: each.verdict for each in judge(document, profile) if each.key not in OWN}


@pytest.fixture
def ryzen(tmp_path):
    return build("ryzen-smt-off", tmp_path)


@pytest.mark.parametrize("item", READINGS, ids=lambda each: each.key)
def test_every_expectation_is_complete_and_nothing_unreadable_passes(item):
    expected = item.expected
    assert item.why
    assert item.do
    for profile in PROFILES:
        limit = expected.under(profile)
        assert limits.says(limit, item.unit)
        severity = expected.rule.severity(profile, None)
        verdict = limits.judge(None, limit, severity, required=expected.required)
        assert verdict in {GateVerdict.UNKNOWN, GateVerdict.FAILED}


@pytest.mark.parametrize(
    ("limit", "inside", "outside", "words"),
    [
        (Limit(low=2), [2, 3.5, "4"], [1, "none", True, [2]], "at least 2"),
        (Limit(low=1, high=2), [1, 2], [0.5, 3], "at least 1 and at most 2"),
        (Limit(among=("a", "b")), ["a", ["b"], ["a", "b"]], ["c", [], ["a", "c"]], "a or b"),
        (Limit(among=("none",), low=2048), ["none", "4096"], ["1024", "max"], None),
        (Limit(other_than="off"), ["on", "auto"], ["off"], "not off"),
        (Limit(begins="3.13."), ["3.13.5"], ["3.12.1", "3.130.1", 3.13], "3.13...."),
        (Limit(empty=True), [[]], [["x"], "", 0], "none"),
        (Limit(said="recorded"), [0, "", [], False], [], "recorded"),
    ],
)
def test_a_limit_lets_in_what_it_says(limit, inside, outside, words):
    assert words in {None, limits.says(limit)}
    for value in inside:
        assert limits.holds(limit, value), value
    for value in outside:
        assert not limits.holds(limit, value), value


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_what_cannot_be_read_is_a_breach_only_where_that_is_fatal_and_it_is_required(nothing):
    limit = Limit(high=1)
    for severity, required, verdict in (
        (Severity.FATAL, True, GateVerdict.FAILED),
        (Severity.FATAL, False, GateVerdict.UNKNOWN),
        (Severity.WARNING, True, GateVerdict.UNKNOWN),
    ):
        assert limits.judge(nothing, limit, severity, required=required) is verdict


def test_a_host_as_it_should_be_passes_under_every_profile(ryzen):
    for profile in PROFILES:
        assert set(verdicts(collect(place(ryzen)), profile).values()) == {GateVerdict.PASSED}


@pytest.mark.parametrize(
    ("key", "path", "text"),
    [
        ("virtualisation", "proc/cpuinfo", "model name: Ryzen 7950X\nflags : fpu hypervisor"),
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
    assert {name for name, verdict in found.items() if verdict is not GateVerdict.PASSED} == {key}
    assert found[key] is GateVerdict.FAILED
    for profile in ("vm", "smoke"):
        assert verdicts(document, profile)[key] in {GateVerdict.WARNING, GateVerdict.PASSED}


def test_foreign_load_and_a_taken_port_are_found(ryzen):
    busy = "cpu  1400 0 500 161200 100 0 10 0 0 0\nprocs_running 2"
    found = verdicts(collect(place(ryzen, stat=busy, ports=(22,))), "bare-metal")
    assert found["foreign_cpu"] is GateVerdict.FAILED
    assert found["ports_taken"] is GateVerdict.FAILED


def test_a_processor_that_is_hot_before_the_run_is_a_doubt_on_bare_metal(ryzen):
    write(ryzen, "sys/class/hwmon/hwmon2/temp1_input", "90500")
    document = collect(place(ryzen))
    assert document.readings["heat_headroom"].value == 4
    assert verdicts(document, "bare-metal")["heat_headroom"] is GateVerdict.WARNING
    assert verdicts(document, "vm")["heat_headroom"] is GateVerdict.PASSED


@pytest.mark.parametrize(
    ("host", "profile", "verdict"),
    [
        ("ryzen-smt-off", "bare-metal", GateVerdict.FAILED),
        ("ryzen-smt-off", "vm", GateVerdict.WARNING),
        # On two cores the purposes disturb each other more than anything else does.
        ("vm-two-cores", "bare-metal", GateVerdict.WARNING),
    ],
)
def test_a_cpu_that_loses_more_than_its_share_is_worse_where_cores_are_kept_apart(
    host, profile, verdict, tmp_path
):
    lost = summary([3_000_000] * 20, looks=10_000_000, elapsed_ns=2_000_000_000)
    document = collect(replace(place(build(host, tmp_path)), jitter={1: lost}))
    found = verdicts(document, profile)
    assert document.readings["jitter"].value == pytest.approx(30_000, rel=1e-3)
    assert found["jitter"] is verdict
    longest = GateVerdict.WARNING if profile == "bare-metal" else GateVerdict.PASSED
    assert found["jitter_longest"] is longest


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
    assert document.readings[key].value is None
    assert verdicts(document, "bare-metal")[key] is GateVerdict.FAILED
    assert verdicts(document, "vm")[key] is GateVerdict.UNKNOWN


def test_a_reading_that_was_never_taken_is_unknown(ryzen):
    document = collect(place(ryzen))
    del document.readings["energy_preference"]
    (finding,) = [each for each in judge(document, "vm") if each.key == "energy_preference"]
    assert finding.verdict is GateVerdict.UNKNOWN
    assert finding.reason == "this reading was not taken"


@pytest.mark.parametrize("profile", PROFILES)
def test_whatever_is_unknown_is_said_with_its_reason(profile, tmp_path):
    document = collect(place(tmp_path))  # a host that says next to nothing
    findings = judge(document, profile)
    lacking = [each for each in findings if each.value is None]
    assert len(lacking) > len(findings) / 2
    for each in lacking:
        assert each.reason
        assert each.said == f"{each.key} is unknown, {each.reason} (should be {each.should_be})"
    unknown = [each for each in lacking if each.verdict is GateVerdict.UNKNOWN]
    assert unknown
    said = unknown_said(findings)
    assert all(each.key in said and f"({each.reason})" in said for each in unknown)
    assert unknown_said(findings, most=2).endswith(f" and {len(unknown) - 2} more")
    assert unknown_said([each for each in findings if each not in unknown]) == ""
    told = sentence(document, findings, profile)
    assert all(each.reason in told for each in unknown[:4])


@pytest.mark.parametrize(
    ("key", "value"), [("meddlers", 5), ("governor", 1), ("smt", "off"), ("open_files", ["x"])]
)
def test_a_value_that_no_host_says_is_never_ok(key, value, ryzen):
    document = collect(place(ryzen))
    document.readings[key] = msgspec.structs.replace(document.readings[key], value=value)
    (finding,) = [each for each in judge(document, "vm") if each.key == key]
    assert finding.verdict is GateVerdict.WARNING


@pytest.mark.parametrize("host", NAMES)
def test_the_strictest_profile_is_vm_below_a_hypervisor(host, tmp_path):
    document = collect(place(build(host, tmp_path)))
    assert best_profile(document) == ("vm" if host.startswith("vm") else "bare-metal")
    assert document.readings["tier"].value in tier_meaning(document)


def test_the_sentence_says_whether_for_what_and_what_is_weak(tmp_path):
    document = collect(place(build("vm-two-cores", tmp_path), ports=(1,)))
    weak = sentence(document, judge(document, "vm"), "vm")
    assert "as vm (2-core VM, tier degraded; " in weak
    assert "; unknown: governor (not readable here: " in weak
    assert "); boost (not readable here: no switch for boost below /" in weak
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


def test_preflight_says_what_site_cannot_settle_and_the_ways_out(tmp_path):
    build("ryzen-linux-6.8", tmp_path)
    plan = Plan("exclusive-core", "dut_alone", "0-1", "2-3", "4-7", "8-15")
    boost = Outcome("boost", "", None, None, "absent", "this host has none")
    judged = provisioned.verdict([boost], "metal", "bare-metal", plan, collect(place(tmp_path)))
    told = provisioned.preflight(judged, Guard(identify(tmp_path), []))
    assert told.ok
    assert "cannot settle boost: not readable here: no switch for boost" in told.conclusion
    assert "amd-pstate-epp, active" in told.conclusion
    assert "amd_pstate=passive" in told.conclusion
    lost = "a spinning CPU loses 600 us/s, for at most 2.5 us"
    assert lost in told.conclusion
    assert lost in judged.conclusion


def test_the_driver_of_the_clock_is_read_with_its_mode(tmp_path):
    found = collect(place(build("ryzen-linux-6.12", tmp_path))).readings
    assert found["clock_driver"].value == "amd-pstate-epp, active"
    assert found["boost"].value == "on"
    assert found["cpus_allowed"].value == "all"
    assert "service 8-15,24-31" in found["placement"].value
