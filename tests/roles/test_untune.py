"""Untuning for good: what moved, vanished or came while the host was tuned."""

from __future__ import annotations

import pytest

from host.cpus import CPUS
from host.items import KNOBS
from host.settling import FAILURES, compare
from tests.doctor import hosts
from tests.roles import played_host
from tests.roles.played_host import pinned, play
from tests.roles.tuned import HOUSEKEEPING, WANTED, Host, the, verdicts


def test_a_number_that_another_interrupt_has_now_is_given_back_without_it(host):
    host.tune({"irq_cpus": HOUSEKEEPING})
    play(host.root, refuses={"proc/irq/1/*": "EPERM"})
    played_host.write(host.root, "proc/irq/1/smp_affinity_list", "5")
    assert the(host.restore("irq_cpus"), "proc/irq/1/smp_affinity_list").verdict == "tolerated"
    assert "drifted" not in verdicts(compare(host.kernel, [KNOBS["irq_cpus"]], host.store))


def renumber(root, old, new):
    """What a reboot does: the same interrupt of the same device under another number."""
    for folder in ("proc/irq", "sys/kernel/irq"):
        (root / folder / str(old)).rename(root / folder / str(new))


def test_an_interrupt_is_known_by_its_device_and_not_by_its_number(host):
    played_host.write(host.root, "proc/irq/40/smp_affinity_list", "7")
    host.tune({"irq_cpus": HOUSEKEEPING})
    renumber(host.root, 40, 41)
    renumber(host.root, 9, 40)
    assert verdicts(host.verify({"irq_cpus": HOUSEKEEPING})) == {"held"}
    host.restore("irq_cpus")
    assert (host.root / "proc/irq/41/smp_affinity_list").read_text() == "7\n"
    assert (host.root / "proc/irq/40/smp_affinity_list").read_text() == "0-31\n"


@pytest.mark.parametrize("played_again", [True, False])
def test_a_later_interrupt_is_given_back_to_the_cpus_that_the_lab_did_not_choose(
    played_again, host
):
    """Without another play, a line of tmpfiles.d has set it at boot."""
    wanted = {"default_irq_cpus": HOUSEKEEPING, "irq_cpus": HOUSEKEEPING}
    host.tune(wanted)
    played_host.write(host.root, "proc/irq/77/smp_affinity_list", HOUSEKEEPING)
    played_host.write(host.root, "proc/irq/78/smp_affinity_list", "5")
    play(host.root, refuses={"proc/irq/78/*": "EPERM"})
    if played_again:
        host.tune(wanted)
    assert not FAILURES & verdicts(host.restore(*wanted))
    assert (host.root / "proc/irq/77/smp_affinity_list").read_text() == "0-31\n"
    found = compare(host.kernel, [KNOBS[name] for name in wanted], host.store)
    assert not FAILURES & verdicts(found)


def test_a_swap_device_is_known_by_its_uuid_and_not_by_its_name(host):
    host.tune({"swap": False})
    (host.root / "dev/nvme0n1p3").rename(host.root / "dev/nvme1n1p3")
    link = host.root / "dev/disk/by-uuid" / played_host.SWAP_UUID
    link.unlink()
    link.symlink_to("../../nvme1n1p3")
    assert verdicts(host.restore("swap")) == {"changed"}
    (line,) = host.kernel.read("proc/swaps").splitlines()[1:]
    assert line.split()[0] == "/dev/nvme1n1p3"
    assert verdicts(compare(host.kernel, [KNOBS["swap"]], host.store)) == {"held"}


def test_a_swap_file_is_known_by_its_path_and_may_vanish(host):
    file = host.root / "swapfile"
    file.touch()
    host.kernel.set_swap("/dev/nvme0n1p3", None)
    host.kernel.set_swap("/swapfile", -2)
    host.tune({"swap": False})
    assert the(host.restore("swap"), "swap//swapfile").verdict == "changed"
    host.tune({"swap": False})
    file.unlink()
    assert verdicts(host.restore("swap")) == {"absent"}


def test_a_workqueue_that_went_with_its_device_does_not_keep_a_host_red(host):
    queue = "sys/devices/virtual/workqueue/scsi_tmf_0/cpumask"
    played_host.write(host.root, queue, "ffffffff")
    host.tune({"workqueue_cpus": HOUSEKEEPING})
    (host.root / queue).unlink()
    assert "gone" not in verdicts(host.restore("workqueue_cpus"))
    assert verdicts(compare(host.kernel, [KNOBS["workqueue_cpus"]], host.store)) <= {
        "held",
        "absent",
    }


def test_what_another_driver_does_not_have_does_not_keep_a_host_red(tmp_path):
    """As after a boot of Linux 6.8 with amd_pstate=passive: no preferences, no switch for boost."""
    host = Host(played_host.build(tmp_path, "ryzen-linux-6.12"))
    wanted = {name: WANTED[name] for name in ("energy_preference", "boost", "idle_latency_us")}
    host.tune(wanted)
    for pattern in (
        "cpufreq/boost",
        "cpufreq/policy*/boost",
        "cpu[0-9]*/cpufreq/energy_performance_preference",
        "cpu[0-9]*/cpuidle/state3",
    ):
        for path in host.root.glob(f"{CPUS}/{pattern}"):
            hosts.remove(path)
    assert not FAILURES & verdicts(host.restore(*wanted))
    found = compare(host.kernel, [KNOBS[name] for name in wanted], host.store)
    assert verdicts(found) <= {"held", "absent"}


def test_a_drive_that_was_taken_out_does_not_keep_a_host_red(host):
    wanted = {name: WANTED[name] for name in ("io_scheduler", "nvme_latency_us")}
    host.tune(wanted)
    hosts.remove(host.root / "sys/block/nvme0n1")
    hosts.remove(host.root / "sys/class/nvme/nvme0")
    assert verdicts(host.restore(*wanted)) == {"absent"}


def test_a_unit_whose_package_was_removed_is_unmasked_and_does_not_keep_a_host_red(host):
    host.tune({"units": ["apt-daily.timer"]})
    (host.root / "usr/lib/systemd/system/apt-daily.timer").unlink()
    assert verdicts(host.restore("units")) == {"absent"}
    assert not (host.root / "etc/systemd/system/apt-daily.timer").is_symlink()
    assert verdicts(host.restore("units")) == {"absent"}


def test_a_unit_that_could_not_be_started_yet_is_started_by_the_next_untune(host):
    host.tune({"units": ["apt-daily.timer"]})
    (host.root / "run/systemd/system").rmdir()
    assert "not tunable here" in verdicts(host.restore("units"))
    (host.root / "run/systemd/system").mkdir()
    assert the(host.restore("units"), "unit/apt-daily.timer/active").verdict == "changed"


def test_an_interrupt_may_vanish_and_a_governor_may_not(host):
    host.tune({"irq_cpus": HOUSEKEEPING, "governor": "performance"})
    for path in ("proc/irq/40/smp_affinity_list", f"{CPUS}/cpu5/cpufreq/scaling_governor"):
        (host.root / path).unlink()
    assert "gone" not in verdicts(host.restore("irq_cpus"))
    assert "gone" in verdicts(host.restore("governor"))


def test_processes_left_pinned_are_noticed_and_set_free(host):
    host.tune({"slices": {"system.slice": HOUSEKEEPING}})
    host.restore("slices")
    assert pinned(host.root, 100) == "0-31"


def test_a_process_that_stays_pinned_is_named(host, monkeypatch):
    host.tune({"slices": {"system.slice": HOUSEKEEPING}})
    monkeypatch.setattr(host.kernel, "_pin", lambda _unit, _cpus: None)
    (found,) = host.restore("slices")
    assert found.verdict == "refused"
    assert "process 100 of system.slice still runs on CPUs 0-1" in found.reason


def test_a_unit_that_was_masked_before_stays_masked(host):
    (host.root / "etc/systemd/system/fstrim.timer").symlink_to("/dev/null")
    host.tune({"units": ["fstrim.timer"]})
    host.restore("units")
    assert (host.root / "etc/systemd/system/fstrim.timer").is_symlink()


def test_a_timer_is_started_again_once_its_service_is_unmasked(host):
    played_host.write(host.root, "usr/lib/systemd/system/apt-daily.service", "[Unit]")
    units = ["apt-daily.timer", "apt-daily.service"]
    host.tune({"units": units})
    restored = host.restore("units")
    assert the(restored, "unit/apt-daily.timer/active").verdict == "changed"
    assert {each.verdict for each in restored} <= {"changed", "held"}


def test_a_service_that_was_at_its_work_is_stopped_and_not_started_again(host):
    """It has no state to come back to; without a network apt-daily.service cannot even start."""
    service = "apt-daily.service"
    played_host.write(host.root, f"usr/lib/systemd/system/{service}", "[Unit]")
    play(host.root, activating=[service], failing=[service])
    found = host.tune({"units": [service]})
    assert the(found, f"unit/{service}/active").verdict == "changed"
    restored = host.restore("units")
    assert the(restored, f"unit/{service}/active").verdict == "held"
    assert the(restored, f"unit/{service}/masked").verdict == "changed"


def test_a_preference_that_the_governor_has_set_is_given_back_as_it_was_before(host):
    wanted = {name: WANTED[name] for name in ("governor", "energy_preference")}
    place = f"{CPUS}/cpu3/cpufreq/energy_performance_preference"
    host.tune(wanted)
    assert host.kernel.read(place) == "performance"
    assert not FAILURES & verdicts(host.restore(*wanted))
    assert host.kernel.read(place) == "balance_performance"
