"""The playbooks on played hosts: look, enroll, tune, verify, give back; and what they refuse.

Starting Ansible costs seconds, so that each play serves many hosts and each fixture many tests; a
fixture keeps what every host looked like after its play.
"""

from __future__ import annotations

import json
import os

import pytest

from host.cpus import CPUS
from tests.roles import played_host
from tests.roles.played_host import MACHINE, differences, pinned, play
from tests.roles.playing import Bench
from tests.roles.playing import play as play_book

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the roles give their files to root")

RYZEN = {"machine_id": MACHINE, "cpu_model": "Ryzen 9 7950X", "memory_gib": 60}
# The roles that install skip a played host, each of their tasks by itself.
TUNING = ("--skip-tags", "install")
READ_ONLY = {"proc/*": "EROFS", "sys/*": "EROFS"}
# Hosts that the guard refuses, and the words it does it with.
REFUSED = {
    "stranger": "nobody has consented to changes of this host",
    "wrong-machine": "its machine-id is",
    "wrong-processor": "the inventory says EPYC",
    "copied-disk": "its disk is a copy",
    "retuned": "tuned runs and would change the clock",
    "shared": "PostgreSQL clusters that the lab did not create: 15/main",
    "unplugged": "it runs on its battery",
    "old": "it runs debian 12",
    "full": "at least 99999 are needed",
    "mistyped": "no role knows host_cpus",
    "misspelt": "host_cpu.governer. Supported parameters include",
    "mistaken": "value of layout must be one of",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Every host of this module, untouched."""
    bench = Bench(tmp_path_factory.mktemp("bench"))
    bench.add("metal", "ryzen-smt-on", lab_profile="bare-metal", lab_guard=RYZEN)
    bench.add("older", "ryzen-linux-6.8-smt-on", lab_profile="bare-metal", lab_guard=RYZEN)
    container = bench.add("container", "vm-two-cores", systemd=False, lab_profile="vm")
    pretender = bench.add("pretender", "vm-two-cores", systemd=False, lab_profile="bare-metal")
    for root in (container, pretender):
        play(root, refuses=READ_ONLY)
    stubborn = bench.add("stubborn", "three-cores", lab_profile="vm")
    play(stubborn, refuses={"proc/irq/9/*": "EIO", "proc/irq/40/*": "EBUSY"})
    boot = {"parameters": ["processor.max_cstate=1"]}
    bench.add("unbooted", "one-core", lab_profile="vm", host_boot=boot)
    bench.add("isolated", "one-core", lab_profile="vm", host_boot={"parameters": ["isolcpus=1"]})
    for name in ("stranger", "copied-disk", "retuned", "shared", "unplugged", "old"):
        bench.add(name, "one-core")
    bench.add("wrong-machine", "one-core", lab_guard={"machine_id": "f" * 32})
    bench.add("wrong-processor", "one-core", lab_guard={"cpu_model": "EPYC"})
    bench.add("full", "one-core", lab_guard={"free_gib": 99_999})
    bench.add("mistyped", "one-core", host_cpus={"smt": False})
    bench.add("misspelt", "one-core", host_cpu={"governer": "performance"})
    bench.add("mistaken", "one-core", cpu_pinning={"layout": "db_together"})
    return bench


@pytest.fixture(scope="module")
def untouched(bench):
    return {name: played_host.snapshot(bench.root(name)) for name in bench.names}


@pytest.fixture(scope="module")
def dry(bench, untouched):  # noqa: ARG001 - the order of the plays
    return bench.play("site", "metal", options=(*TUNING, "--check", "--diff"))


@pytest.fixture(scope="module")
def preflight(bench, dry):  # noqa: ARG001
    return bench.play("preflight", "metal", "older")


@pytest.fixture(scope="module")
def enrolled(bench, preflight):  # noqa: ARG001
    done = bench.play("enroll", "metal", "container")
    assert done.status == 0, done.output
    for name in set(bench.names) - {"metal", "container", "stranger"}:
        marker = {"machine_id": "0" * 32 if name == "copied-disk" else MACHINE}
        played_host.write(bench.root(name), "etc/ormlab/enrolled.json", json.dumps(marker))
    played_host.write(bench.root("retuned"), "proc/300/comm", "tuned")
    played_host.write(bench.root("shared"), "etc/postgresql/15/main/postgresql.conf", "")
    battery = "sys/class/power_supply/BAT0/status"
    played_host.write(bench.root("unplugged"), battery, "Discharging")
    played_host.write(bench.root("old"), "etc/os-release", 'ID=debian\nVERSION_ID="12"')
    return {name: played_host.snapshot(bench.root(name)) for name in bench.names}


@pytest.fixture(scope="module")
def site(bench, enrolled):  # noqa: ARG001
    return bench.play("site", *bench.names)


@pytest.fixture(scope="module")
def verdict(bench, site):  # noqa: ARG001
    return json.loads((bench.root("metal") / "var/lib/ormlab/verdict.json").read_text())


@pytest.fixture(scope="module")
def again(bench, verdict):  # noqa: ARG001
    return bench.play("site", "metal", options=TUNING)


@pytest.fixture(scope="module")
def dry_again(bench, again):  # noqa: ARG001
    return bench.play("site", "metal", options=(*TUNING, "--check"))


@pytest.fixture(scope="module")
def drifted(bench, dry_again):  # noqa: ARG001
    root = bench.root("metal")
    played_host.write(root, "proc/sys/vm/swappiness", "30")
    played_host.write(root, f"{CPUS}/online", "0-7,9-15")  # a CPU of the plan is switched off
    done = bench.play("verify", "metal")
    played_host.write(root, f"{CPUS}/online", "0-15")
    return done


@pytest.fixture(scope="module")
def rebooted(bench, drifted):  # noqa: ARG001
    return bench.play("reboot", "metal")


@pytest.fixture(scope="module")
def removed(bench, rebooted):  # noqa: ARG001
    earlier = "etc/systemd/system/ormlab-service.slice"  # earlier versions of cpu_pinning wrote it
    played_host.write(bench.root("metal"), earlier, "[Slice]\nAllowedCPUs=8-15\n")
    return bench.play("uninstall", "metal", "container")


def test_a_dry_run_on_a_host_that_nobody_enrolled_writes_nothing_and_shows_what_it_would(
    dry, untouched
):
    assert dry.status == 0, dry.output
    assert not differences(untouched["metal"], dry.trees["metal"])
    assert f"+{CPUS}/smt/control: off" in dry.output
    assert dry.changed["metal"] > 5


def test_preflight_reads_only_and_says_as_json_what_site_would_set(bench, preflight, untouched):
    assert preflight.status == 0, preflight.output
    assert not differences(untouched["metal"], preflight.trees["metal"])
    said = json.loads((bench.verdicts / "metal.preflight.json").read_text())
    assert (said["schema"], said["ok"], said["enrolled"]) == ("host-preflight/1", True, False)
    assert said["identity"]["machine_id"] == MACHINE
    would = {change["place"]: change for change in said["would_change"]}
    assert would["proc/sys/vm/swappiness"]["before"] == "60"
    assert would["proc/sys/vm/swappiness"]["wanted"] == "1"
    assert said["tier"] == "exclusive-core"  # boost is still on


def test_preflight_names_the_ways_out_where_the_kernel_has_no_switch_for_boost(bench, preflight):
    assert preflight.status == 0, preflight.output
    said = json.loads((bench.verdicts / "older.preflight.json").read_text())
    assert said["ok"]
    assert "no switch for boost" in said["conclusion"]
    assert "amd_pstate=passive" in said["conclusion"]


def test_nobody_is_enrolled_who_was_not_named(bench, dry):  # noqa: ARG001
    refused = bench.play("enroll", "strange*")
    assert refused.status != 0
    assert "nobody has consented to stranger being changed" in refused.said_of("stranger")


@pytest.mark.parametrize("host", sorted(REFUSED))
def test_the_guard_refuses_with_its_reason_before_anything_is_touched(host, site, enrolled):
    assert host in site.failed
    assert REFUSED[host] in site.said_of(host)
    assert not differences(enrolled[host], site.trees[host])


def test_a_fresh_host_becomes_one_that_can_be_measured_on(site, verdict, bench):
    assert "metal" not in site.failed, site.output
    assert verdict["schema"] == "host-verdict/1"
    assert verdict["ok"]
    assert verdict["tier"] == "exclusive-l3"
    assert verdict["conclusion"] == "metal is as bare-metal wants it (tier exclusive-l3)."
    assert verdict["placement"]["service"] == "8-15"
    assert json.loads((bench.verdicts / "metal.json").read_text())["host"] == "metal"


def test_what_was_set_is_what_the_files_of_the_kernel_say(site):
    tree = site.trees["metal"]
    assert tree[f"{CPUS}/online"] == "0-15\n"
    assert tree[f"{CPUS}/cpu15/cpufreq/scaling_governor"] == "performance\n"
    assert tree[f"{CPUS}/cpufreq/policy0/boost"] == "0\n"
    assert tree["sys/kernel/mm/transparent_hugepage/enabled"] == "always [madvise] never\n"
    assert tree["proc/irq/40/smp_affinity_list"] == "0-1\n"
    assert tree["sys/devices/virtual/workqueue/cpumask"] == "00000003\n"
    assert tree["etc/systemd/system/apt-daily.timer"] == "-> /dev/null"
    assert "nvme0n1p3" not in tree["proc/swaps"]
    assert tree["sys/fs/cgroup/system.slice/cpuset.cpus"] == "0-1\n"
    assert not [path for path in tree if path.endswith("ormlab-service.slice")]
    assert "w /proc/sys/vm/swappiness - - - - 1\n" in tree["etc/tmpfiles.d/ormlab-host-kernel.conf"]


def test_live_processes_are_where_the_plan_wants_them(bench, site):  # noqa: ARG001
    assert pinned(bench.root("metal"), 200) == "0-31"  # of user.slice, which is not confined


def test_in_a_container_nothing_is_claimed_and_the_tier_is_at_most_degraded(bench, site):
    assert "container" not in site.failed, site.said_of("container")
    verdict = json.loads((bench.verdicts / "container.json").read_text())
    assert verdict["ok"]
    assert verdict["tier"] == "degraded"
    assert verdict["counts"]["not tunable here"] > 5
    assert {each["verdict"] for each in verdict["outcomes"]} == {"not tunable here"}


def test_on_bare_metal_the_same_is_an_error(site):
    assert "pretender" in site.failed
    assert "not tunable here" in site.said_of("pretender")


def test_the_verdict_agrees_with_preflight_on_what_is_absent(site):
    assert "older" in site.failed
    assert "boost is unknown, not readable here: no switch for boost" in site.said_of("older")
    assert "(should be off)" in site.said_of("older")
    assert "amd_pstate=passive" in site.said_of("older")


def test_a_refused_write_is_red_and_a_tolerated_one_is_listed(site):
    said = site.said_of("stubborn")
    assert "irq/PCI-MSIX-0000:01:00.0/3, wanted 0): refused, EBUSY" in said
    assert '"verdict": "tolerated"' in said


def test_boot_parameters_want_a_reboot_and_the_verdict_says_so(site):
    assert "playbooks/reboot.yml" in site.said_of("unbooted")
    drop_in = site.trees["unbooted"]["etc/default/grub.d/90-ormlab.cfg"]
    assert "$GRUB_CMDLINE_LINUX_DEFAULT processor.max_cstate=1" in drop_in


def test_parameters_that_break_load_balancing_are_refused(site):
    assert "isolcpus=1 would distort the measurement" in site.said_of("isolated")
    assert "etc/default/grub.d/90-ormlab.cfg" not in site.trees["isolated"]


def test_a_second_run_changes_nothing(again, site):
    assert again.status == 0, again.output
    assert again.changed == {"metal": 0}
    assert set(differences(site.trees["metal"], again.trees["metal"])) <= {
        "var/lib/ormlab/verdict.json"
    }


def test_a_dry_run_after_it_would_change_nothing(dry_again, again):
    assert dry_again.status == 0, dry_again.output
    assert dry_again.changed == {"metal": 0}
    assert not differences(again.trees["metal"], dry_again.trees["metal"])


def test_verify_is_red_for_a_value_that_was_changed_behind_its_back(drifted):
    assert drifted.status != 0
    said = drifted.said_of("metal")
    assert "proc/sys/vm/swappiness is drifted: it shows 30, wanted 1" in said


def test_verify_is_red_for_a_plan_with_a_cpu_that_went_offline(drifted):
    verdict = json.loads(drifted.trees["metal"]["var/lib/ormlab/verdict.json"])
    assert not verdict["ok"]
    assert {"knob-placement", "knob-sysctl"} <= {each["code"] for each in verdict["problems"]}
    assert verdict["placement"]["service"] == "9-15"


def test_nothing_is_rebooted_without_consent(rebooted):
    assert rebooted.status != 0
    assert "nobody has consented to metal being rebooted" in rebooted.said_of("metal")


@pytest.mark.parametrize("host", ["metal", "container"])
def test_uninstall_gives_the_host_back_to_the_last_byte(host, removed, untouched):
    assert removed.status == 0, removed.output
    assert not differences(untouched[host], removed.trees[host])


@pytest.mark.parametrize(
    "inventory", ["bench: [this is no inventory", "all:\n  hosts:\n    localhost:\n", None]
)
def test_a_broken_inventory_never_falls_through_to_this_machine(inventory, tmp_path):
    path = tmp_path / "hosts.yml"
    if inventory is not None:
        path.write_text(inventory)
    status, said = play_book("preflight", "--inventory", path)
    assert status != 0
    assert "TASK" not in said
