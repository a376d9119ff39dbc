"""Knobs on played hosts: set, seen to be set, and set back to the last byte."""

from __future__ import annotations

import json

import pytest

from host.cpus import CPUS
from host.items import KNOBS
from host.kernel import kernel_at
from host.settling import Store, chosen, compare, record, restore, tmpfiles, tune, verify
from tests.roles import played_host
from tests.roles.played_host import differences, pinned, play, snapshot

HOUSEKEEPING = "0-1"
# One value for each knob that the untouched host does not have.
WANTED = {
    "smt": False,
    "governor": "performance",
    "energy_preference": "performance",
    "boost": False,
    "idle_latency_us": 20,
    "sysctl": {"vm.swappiness": 1, "net.ipv4.ip_local_port_range": "32768 60999"},
    "huge_pages": 8388,
    "thp": "madvise",
    "thp_defrag": "madvise",
    "irqbalance": False,
    "default_irq_cpus": HOUSEKEEPING,
    "irq_cpus": HOUSEKEEPING,
    "workqueue_cpus": HOUSEKEEPING,
    "units": ["apt-daily.timer", "fstrim.timer", "swap.target", "no-such.timer"],
    "swap": False,
    "slices": {"system.slice": HOUSEKEEPING, "init.scope": HOUSEKEEPING},
}


class Host:
    """A played host with the lab's memory of it."""

    def __init__(self, root):
        self.root = root
        self.kernel = kernel_at(root)
        self.store = Store(root / "var/lib/ormlab")

    def tune(self, wanted, *, check=False):
        return tune(self.kernel, chosen(wanted), self.store, check=check)

    def restore(self, *names):
        return restore(self.kernel, [KNOBS[name] for name in names], self.store, check=False)

    def verify(self, wanted):
        return verify(self.kernel, chosen(wanted), self.store)


@pytest.fixture
def host(tmp_path):
    return Host(played_host.build(tmp_path))


def verdicts(outcomes) -> set[str]:
    return {outcome.verdict for outcome in outcomes}


def _left(untouched, host) -> dict:
    """What differs from the untouched host, but for the lab's own memory."""
    found = differences(untouched, snapshot(host.root))
    return {path: pair for path, pair in found.items() if not path.startswith("var")}


def the(outcomes, place):
    (found,) = (outcome for outcome in outcomes if outcome.place == place)
    return found


def test_every_knob_is_tried_here():
    assert WANTED.keys() == KNOBS.keys()


@pytest.mark.parametrize("name", WANTED)
def test_a_knob_is_set_seen_and_set_back_to_the_last_byte(name, host):
    untouched = snapshot(host.root)
    wanted = {name: WANTED[name]}
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

    host.restore(name)
    assert verdicts(compare(host.kernel, list(KNOBS.values()), host.store)) <= {"held"}
    assert not _left(untouched, host)


def test_all_of_them_together_are_set_back_although_smt_moves_the_places_of_the_others(host):
    untouched = snapshot(host.root)
    record(host.kernel, chosen(WANTED), host.store)
    assert verdicts(host.tune(WANTED)) <= {"changed", "held", "absent"}
    with pytest.raises(OSError, match="busy"):  # the kernel keeps the policies of offline CPUs
        host.kernel.read(f"{CPUS}/cpu16/cpufreq/scaling_governor")
    assert verdicts(record(host.kernel, chosen(WANTED), host.store)) <= {"held", "absent"}
    assert verdicts(host.verify(WANTED)) <= {"held", "absent"}
    host.restore(*KNOBS)
    assert not _left(untouched, host)


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


@pytest.mark.parametrize("error", ["EIO", "EPERM"])
def test_an_interrupt_that_the_kernel_keeps_to_itself_is_tolerated_and_no_other_error_is(
    error, host
):
    play(host.root, refuses={"proc/irq/9/*": error, "proc/irq/40/*": "EBUSY"})
    found = host.tune({"irq_cpus": HOUSEKEEPING})
    assert the(found, "proc/irq/1/smp_affinity_list").verdict == "changed"
    assert the(found, "proc/irq/9/smp_affinity_list").verdict == "tolerated"
    assert the(found, "proc/irq/40/smp_affinity_list").verdict == "refused"
    again = host.verify({"irq_cpus": HOUSEKEEPING})
    assert the(again, "proc/irq/9/smp_affinity_list").verdict == "tolerated"
    assert the(again, "proc/irq/40/smp_affinity_list").verdict == "drifted"


def test_a_number_that_another_interrupt_has_now_is_given_back_without_it(host):
    host.tune({"irq_cpus": HOUSEKEEPING})
    play(host.root, refuses={"proc/irq/1/*": "EPERM"})
    played_host.write(host.root, "proc/irq/1/smp_affinity_list", "5")
    assert the(host.restore("irq_cpus"), "proc/irq/1/smp_affinity_list").verdict == "tolerated"
    assert "drifted" not in verdicts(compare(host.kernel, [KNOBS["irq_cpus"]], host.store))


def test_an_interrupt_may_vanish_and_a_governor_may_not(host):
    host.tune({"irq_cpus": HOUSEKEEPING, "governor": "performance"})
    for path in ("proc/irq/40/smp_affinity_list", f"{CPUS}/cpu5/cpufreq/scaling_governor"):
        (host.root / path).unlink()
    assert "gone" not in verdicts(host.restore("irq_cpus"))
    assert "gone" in verdicts(host.restore("governor"))


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
