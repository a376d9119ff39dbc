"""Clocks and heat in a window, on played hosts whose files change as a kernel's do."""

from __future__ import annotations

import pytest

from agent.pace import Watcher, nearest
from bundle.documents.readings import Heat
from host.items.heat import planned_khz, sensors
from host.kernel import Files, NotReadable
from tests.doctor.hosts import build, remove, write

CPU = "sys/devices/system/cpu"
TCTL = "sys/class/hwmon/hwmon2/temp1_input"
CPUS = (4, 8)


@pytest.fixture
def played(tmp_path):
    root = build("ryzen-smt-off", tmp_path)
    tick(root, {})
    return root


def tick(root, busy):
    """Let each CPU have worked for so many of a hundred ticks since it last stood at 0."""
    lines = [f"cpu{cpu} {busy.get(cpu, 0)} 0 0 {100 - busy.get(cpu, 0)} 0 0 0 0" for cpu in CPUS]
    write(root, "proc/stat", "\n".join(["cpu 0 0 0 0 0 0 0 0", *lines]))


def run(root, cpu, khz):
    write(root, f"{CPU}/cpu{cpu}/cpufreq/scaling_cur_freq", str(khz))


def start(root):
    """A window that begins at 0 ticks and looks whenever it is asked to."""
    write(root, "proc/stat", "\n".join(f"cpu{cpu} 0 0 0 0 0 0 0 0" for cpu in CPUS))
    return Watcher(Files(root), CPUS, period_s=0)


def test_a_clock_counts_only_while_its_cpu_is_busy(played):
    watcher = start(played)
    for khz in (4_500_000, 4_100_000):
        tick(played, {4: 90, 8: 10})
        run(played, 4, khz)
        run(played, 8, 400_000)  # what the driver last asked for: it is idle
        watcher.look()
        write(played, "proc/stat", "\n".join(f"cpu{cpu} 0 0 0 0 0 0 0 0" for cpu in CPUS))
        watcher.look()  # no tick has passed for a CPU: nothing is known of it
    busy, idle = (watcher.record().clocks[str(cpu)] for cpu in CPUS)
    assert (busy.looks, busy.mean_khz, busy.lowest_khz) == (2, 4_300_000, 4_100_000)
    assert (idle.looks, idle.mean_khz, idle.lowest_khz) == (0, None, None)
    assert busy.planned_khz == 4_500_000  # nominal_freq is 4501 MHz, scaling_max_freq caps it


def test_the_highest_temperature_of_the_window_is_kept_with_its_limit(played):
    watcher = start(played)
    for millidegrees in (60_000, 91_500, 70_000):
        write(played, TCTL, str(millidegrees))
        watcher.look()
    heat = watcher.record().heat
    assert (heat.sensor, heat.highest_mc, heat.headroom_mc) == ("k10temp Tctl", 91_500, 3_500)
    assert "7950X" in heat.limit_from


def test_a_window_that_was_too_short_for_a_look_leaves_a_reason_and_no_zero(played):
    watcher = Watcher(Files(played), CPUS, period_s=60)
    watcher.look()
    seen = watcher.record()
    assert (seen.clocks, seen.heat) == (None, None)
    assert "shorter than 60 s" in seen.clocks_unread
    assert seen.heat_unread == seen.clocks_unread


def test_a_virtual_machine_says_neither_and_why(tmp_path):
    watcher = Watcher(Files(build("vm-two-cores", tmp_path)), [0, 1], period_s=0)
    watcher.look()
    seen = watcher.record()
    assert (seen.clocks, seen.heat) == (None, None)
    assert "no cpufreq below" in seen.clocks_unread
    assert "no k10temp or coretemp" in seen.heat_unread


def test_a_cpu_that_goes_offline_takes_the_reading_with_it(played):
    watcher = start(played)
    write(played, "proc/stat", "cpu4 9 0 0 1 0 0 0 0")
    watcher.look()
    seen = watcher.record()
    assert seen.clocks is None
    assert seen.clocks_unread == "CPU 8 went offline in the window"
    assert seen.heat is not None


def test_a_sensor_that_stops_answering_takes_what_it_said_with_it(played):
    watcher = start(played)
    watcher.look()
    remove(played / TCTL)
    watcher.look()
    assert watcher.record().heat is None
    assert "temp1_input" in watcher.record().heat_unread


@pytest.mark.parametrize(
    ("host", "khz"),
    [
        ("ryzen-smt-off", 4_500_000),  # its governor may choose no more than that
        ("ryzen-3950x", 3_501_000),  # nominal_freq
        ("core-13900k", 3_000_000),  # base_frequency
    ],
)
def test_the_clock_without_boost_is_read_where_the_driver_has_it(host, khz, tmp_path):
    assert planned_khz(Files(build(host, tmp_path)), 0) == khz


def test_a_firmware_without_a_nominal_clock_leaves_the_table_of_the_driver(played):
    write(played, f"{CPU}/cpu0/acpi_cppc/nominal_freq", "0")
    write(played, f"{CPU}/cpu0/cpufreq/scaling_max_freq", "5880000")  # boosted: in no table
    assert planned_khz(Files(played), 0) == 4_500_000
    remove(played / f"{CPU}/cpu0/cpufreq/scaling_available_frequencies")
    with pytest.raises(NotReadable, match="says the base clock"):
        planned_khz(Files(played), 0)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("ryzen-smt-off", [("k10temp Tctl", 95_000)]),
        ("ryzen-7950x3d", [("k10temp Tctl", 89_000)]),
        ("core-13900k", [("coretemp Package id 0", 100_000)]),
        ("epyc-7763-two-sockets", [("k10temp Tctl", None)] * 2),
    ],
)
def test_of_a_processor_its_packages_are_read_and_no_core_or_drive(host, found, tmp_path):
    read = sensors(Files(build(host, tmp_path)))
    assert [(each.name, each.limit_mc) for each in read] == found


def test_of_two_packages_the_one_that_is_nearer_to_its_limit_counts():
    def heat(highest, limit):
        return Heat(sensor="x", highest_mc=highest, limit_mc=limit, limit_from="")

    assert nearest([heat(80_000, 100_000), heat(78_000, 90_000)]).highest_mc == 78_000
    assert nearest([heat(99_000, 100_000), heat(50_000, None)]).limit_mc is None
