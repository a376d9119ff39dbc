"""Knobs on played hosts: set, seen to be set, and set back to the last byte."""

from __future__ import annotations

import errno
import json
import os
import subprocess

import pytest

from host.cpus import CPUS, as_list
from host.items import KNOBS
from host.kernel import Kernel, NotTaken, kernel_at
from host.placement import read_plan
from host.settling import chosen, compare, record, tmpfiles
from tests.doctor import hosts
from tests.roles import played_host
from tests.roles.played_host import differences, pinned, play, snapshot
from tests.roles.tuned import ACPI, DRIVE, HOUSEKEEPING, WANTED, Host, left, the, verdicts


def test_every_knob_is_tried_here():
    assert WANTED.keys() == KNOBS.keys()


@pytest.mark.parametrize("name", WANTED)
def test_a_knob_is_set_seen_and_set_back_to_the_last_byte(name, host):
    untouched = snapshot(host.root)
    names = [name, "energy_preference"] if name == "governor" else [name]  # which sets it as well
    wanted = {each: WANTED[each] for each in names}
    assert "drifted" in verdicts(host.verify(wanted))
    would = host.tune(wanted, check=True)
    assert "changed" in verdicts(would)
    assert snapshot(host.root) == untouched

    done = host.tune(wanted)
    assert "changed" in verdicts(done)
    assert verdicts(done) <= {"changed", "held", "absent"}
    assert verdicts(host.verify(wanted)) <= {"held", "absent"}
    assert verdicts(host.tune(wanted)) <= {"held", "absent"}
    assert differences(untouched, snapshot(host.root)).keys() - {"var/lib/ormlab"}

    host.restore(*names)
    assert verdicts(compare(host.kernel, list(KNOBS.values()), host.store)) <= {"held"}
    assert not left(untouched, host)


def test_all_of_them_together_are_set_back_although_smt_moves_the_places_of_the_others(host):
    untouched = snapshot(host.root)
    record(host.kernel, chosen(WANTED), host.store)
    assert verdicts(host.tune(WANTED)) <= {"changed", "held", "absent"}
    with pytest.raises(OSError, match="busy"):  # the kernel keeps the policies of offline CPUs
        host.kernel.read(f"{CPUS}/cpu16/cpufreq/scaling_governor")
    assert verdicts(record(host.kernel, chosen(WANTED), host.store)) <= {"held", "absent"}
    assert verdicts(host.verify(WANTED)) <= {"held", "absent"}
    host.restore(*KNOBS)
    assert not left(untouched, host)


def test_the_baseline_keeps_what_stood_there_first(host):
    host.tune({"governor": "performance"})
    host.tune({"governor": "powersave"})
    host.tune({"governor": "performance"})
    kept = json.loads((host.root / "var/lib/ormlab/baseline.json").read_text())
    assert set(kept["knobs"]["governor"].values()) == {"powersave"}


def test_nothing_is_written_before_the_baseline_is_on_disk(host, monkeypatch):
    seen = []

    def write(path, _text):
        kept = json.loads((host.root / "var/lib/ormlab/baseline.json").read_text())
        seen.append(path in kept["knobs"]["governor"])

    monkeypatch.setattr(host.kernel, "write", write)
    host.tune({"governor": "performance"})
    assert len(seen) == 32
    assert all(seen)


def test_what_differs_afterwards_is_drift(host):
    host.tune({"sysctl": {"vm.swappiness": 1}})
    played_host.write(host.root, "proc/sys/vm/swappiness", "30")
    (found,) = host.verify({"sysctl": {"vm.swappiness": 1}})
    assert (found.verdict, found.before) == ("drifted", "30")


@pytest.mark.parametrize("error", ["EROFS", "EACCES", "EPERM"])
def test_where_nobody_may_write_a_knob_is_not_tunable_and_stays_so(error, host):
    play(host.root, refuses={"proc/sys/*": error})
    wanted = {"sysctl": {"vm.swappiness": 1}}
    (found,) = host.tune(wanted)
    assert found.verdict == "not tunable here"
    assert error in found.reason
    assert verdicts(host.verify(wanted)) == {"not tunable here"}
    assert verdicts(host.tune(wanted, check=True)) == {"not tunable here"}
    assert verdicts(host.verify({"sysctl": {"vm.swappiness": 2}})) == {"drifted"}


def test_a_value_that_the_kernel_does_not_know_is_refused(host):
    found = host.tune({"governor": "schedutil"})
    assert verdicts(found) == {"refused"}
    assert "EINVAL" in found[0].reason


def test_a_value_that_the_kernel_takes_and_does_not_keep_is_refused(host):
    play(host.root, ignores=["proc/sys/vm/nr_hugepages"])
    (found,) = host.tune({"huge_pages": 8388})
    assert (found.verdict, found.reason) == ("refused", "it still shows 0")


@pytest.mark.parametrize("error", ["EIO", "EPERM", "ENOSPC"])
def test_an_interrupt_that_the_kernel_keeps_to_itself_is_tolerated_and_no_other_error_is(
    error, host
):
    play(host.root, refuses={"proc/irq/9/*": error, "proc/irq/40/*": "EBUSY"})
    found = host.tune({"irq_cpus": HOUSEKEEPING})
    assert the(found, "proc/irq/1/smp_affinity_list").verdict == "changed"
    assert the(found, ACPI).verdict == "tolerated"
    assert the(found, DRIVE).verdict == "refused"
    again = host.verify({"irq_cpus": HOUSEKEEPING})
    assert the(again, ACPI).verdict == "tolerated"
    assert the(again, DRIVE).verdict == "drifted"


def test_interrupts_that_chip_and_number_do_not_tell_apart_keep_their_numbers(host):
    for name in ("chip_name", "hwirq"):
        text = (host.root / f"sys/kernel/irq/9/{name}").read_text().strip()
        played_host.write(host.root, f"sys/kernel/irq/1/{name}", text)
    places = {outcome.place for outcome in host.tune({"irq_cpus": HOUSEKEEPING})}
    assert places >= {"proc/irq/1/smp_affinity_list", "proc/irq/9/smp_affinity_list", DRIVE}


@pytest.mark.parametrize("fixture", hosts.NAMES)
def test_every_played_host_is_tuned_to_its_plan_and_set_back_to_the_last_byte(fixture, tmp_path):
    host = Host(played_host.build(tmp_path, fixture))
    untouched = snapshot(host.root)
    record(host.kernel, chosen(WANTED), host.store)
    host.tune({"smt": False})  # the plan waits for it, as the roles do
    planned = read_plan(host.root)
    cpus = as_list(planned.housekeeping)
    places = {name: cpus for name in WANTED if name.endswith("_cpus")}
    wanted = WANTED | places | {"slices": dict.fromkeys(WANTED["slices"], cpus)}
    confinable = host.kernel.exists("sys/fs/cgroup/cgroup.controllers")
    quiet = {"held", "absent"} | (set() if confinable else {"not tunable here"})
    assert verdicts(host.tune(wanted)) <= quiet | {"changed"}
    assert host.kernel.read("proc/irq/40/smp_affinity_list") == cpus
    assert not confinable or pinned(host.root, 100) == cpus
    assert read_plan(host.root).housekeeping == planned.housekeeping
    assert verdicts(host.verify(wanted)) <= quiet
    host.restore(*KNOBS)
    assert not left(untouched, host)


def test_a_kernel_without_swap_has_nothing_to_switch_off(host):
    (host.root / "proc/swaps").unlink()
    assert verdicts(host.tune({"swap": False})) == {"absent"}


def test_an_energy_preference_without_a_name_is_no_failure(host, monkeypatch):
    read = type(host.kernel).read

    def nameless(self, path):
        if path.endswith("cpu3/cpufreq/energy_performance_preference"):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return read(self, path)

    monkeypatch.setattr(type(host.kernel), "read", nameless)
    found = the(
        host.tune({"energy_preference": "performance"}),
        f"{CPUS}/cpu3/cpufreq/energy_performance_preference",
    )
    assert (found.verdict, found.reason) == ("tolerated", "EINVAL: Invalid argument")


def test_a_unit_that_takes_too_long_to_stop_is_an_outcome(monkeypatch, tmp_path):
    def slow(command, **_):
        raise subprocess.TimeoutExpired(command, 120)

    (tmp_path / "run/systemd/system").mkdir(parents=True)
    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(NotTaken, match="systemctl stop x: did not end within 120 s"):
        Kernel(tmp_path).systemctl("stop", "x")


def test_a_systemd_that_does_not_answer_is_an_outcome(host, monkeypatch):
    def silent(*arguments):
        raise NotTaken(f"systemctl {' '.join(arguments)}: did not end within 120 s")

    monkeypatch.setattr(host.kernel, "systemctl", silent)
    found = the(host.verify({"units": ["fstrim.timer"]}), "unit/fstrim.timer/active")
    assert found.verdict == "refused"
    assert "is-active fstrim.timer: did not end" in found.reason


def test_the_global_switch_of_boost_is_not_enough_where_a_policy_has_its_own(host):
    play(host.root, ignores=[f"{CPUS}/cpufreq/policy0/boost"])
    played_host.write(host.root, f"{CPUS}/cpufreq/policy1/boost", "1")
    host.tune({"boost": False})
    play(host.root, ignores=[])
    played_host.write(host.root, f"{CPUS}/cpufreq/policy1/boost", "1")
    found = host.tune({"boost": False})
    assert the(found, f"{CPUS}/cpufreq/policy1/boost").verdict == "changed"


def test_processes_are_pinned_by_set_property_and_not_by_a_file(host):
    host.tune({"slices": {"system.slice": HOUSEKEEPING}})
    assert pinned(host.root, 100) == HOUSEKEEPING
    assert pinned(host.root, 200) == "0-31"


def test_a_process_that_does_not_obey_is_named(host, monkeypatch):
    pin = host.kernel._pin
    monkeypatch.setattr(host.kernel, "_pin", lambda unit, _cpus: pin(unit, "0-7"))
    (found,) = host.tune({"slices": {"system.slice": HOUSEKEEPING}})
    assert found.verdict == "refused"
    assert "process 100 of system.slice still runs on CPUs 0-7" in found.reason


def test_without_version_2_control_groups_slices_are_not_believed(host):
    (host.root / "sys/fs/cgroup/cgroup.controllers").unlink()
    (found,) = host.tune({"slices": {"system.slice": HOUSEKEEPING}})
    assert found.verdict == "not tunable here"


def test_without_systemd_a_unit_is_masked_and_nobody_claims_that_it_stopped(tmp_path):
    host = Host(played_host.build(tmp_path, systemd=False))
    found = host.tune({"units": ["apt-daily.timer"]})
    assert the(found, "unit/apt-daily.timer/masked").verdict == "changed"
    assert the(found, "unit/apt-daily.timer/active").verdict == "not tunable here"


def test_a_unit_of_the_administrator_is_not_overwritten(host):
    played_host.write(host.root, "etc/systemd/system/fstrim.timer", "[Timer]")
    found = host.tune({"units": ["fstrim.timer"]})
    assert the(found, "unit/fstrim.timer/masked").verdict == "refused"
    assert (host.root / "etc/systemd/system/fstrim.timer").read_text() == "[Timer]\n"


@pytest.mark.parametrize(
    "wanted",
    [
        {"boost": "off"},
        {"smt": 0},
        {"governor": "a b"},
        {"sysctl": ["vm.swappiness"]},
        {"units": "apt-daily.timer"},
        {"thp": False},
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_before_anything_is_written(wanted, host):
    untouched = snapshot(host.root)
    with pytest.raises(TypeError):
        host.tune(wanted)
    assert snapshot(host.root) == untouched


def test_an_unknown_knob_is_refused_and_one_that_is_null_is_left_alone():
    with pytest.raises(KeyError, match="governer"):
        chosen({"governer": "performance"})
    assert chosen({"governor": None}) == {}


def test_what_is_set_again_at_boot_are_files_of_the_kernel(host):
    lines = tmpfiles(host.tune(WANTED))
    assert f"w /{CPUS}/smt/control - - - - off" in lines
    assert "w /proc/sys/vm/swappiness - - - - 1" in lines
    assert not [line for line in lines if "/irq/4" in line or "slice" in line or "unit" in line]


def test_a_folder_that_brings_no_kernel_is_no_host(tmp_path):
    with pytest.raises(ValueError, match=r"it brings no \.played/kernel\.py"):
        kernel_at(tmp_path)
