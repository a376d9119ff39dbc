"""Tuning where a kernel really takes it, and giving it back: what no container can show."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import yaml

from tests.host.booted import nspawn
from tests.metal import machine
from tests.metal.conftest import step
from tests.roles import playing

HUGE_PAGES = 16
_TUNE = ("--tags", "tune")
_ONE_ROLE = "../tests/host/one_role"
# Each file with its value: all that the roles may set, read without the roles' help.
_VALUES = """
cd / && for f in sys/devices/system/cpu/smt/control sys/devices/system/cpu/online \
  sys/kernel/mm/transparent_hugepage/enabled sys/kernel/mm/transparent_hugepage/defrag \
  proc/sys/kernel/randomize_va_space proc/sys/kernel/numa_balancing proc/sys/kernel/nmi_watchdog \
  proc/sys/vm/swappiness proc/sys/vm/nr_hugepages proc/sys/net/core/somaxconn \
  proc/sys/net/ipv4/tcp_max_syn_backlog proc/sys/net/ipv4/ip_local_port_range \
  proc/irq/default_smp_affinity \
  sys/devices/virtual/workqueue/cpumask sys/devices/virtual/workqueue/writeback/cpumask \
  proc/sys/kernel/perf_event_max_sample_rate proc/sys/vm/stat_interval \
  proc/sys/kernel/watchdog_cpumask proc/sys/vm/dirty_bytes proc/sys/vm/dirty_ratio \
  proc/sys/vm/dirty_background_bytes proc/sys/vm/dirty_background_ratio; do
  echo "$f = $(cat $f 2>/dev/null)"; done
swapon --show=UUID --noheadings
systemctl list-unit-files --no-legend --no-pager | grep -v transient
systemctl list-timers --all --no-legend --no-pager --output=json | tr , '\n' | grep unit
find /etc /usr/local /var/lib/ormlab -not -path '*/.pwd.lock' -printf '%p %M %u:%g %l\n' \
  2>/dev/null || true
"""


# Each interrupt of a drive or the network: its number, what the lab knows it by, its CPUs.
_INTERRUPTS = """
cd /sys/kernel/irq && for i in $(grep -l ^PCI-MSIX */chip_name | cut -d/ -f1); do
  echo "$i $(cat $i/chip_name)/$(cat $i/hwirq) $(cat /proc/irq/$i/smp_affinity_list)"; done
"""
_DRIVE = "PCI-MSIX-0000:00:04.0"  # what is plugged in before the others


@pytest.fixture(scope="module")
def metal(tmp_path_factory):
    if reason := machine.why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("metal")
    with contextlib.ExitStack() as held:
        with step("disk made, and boot"):
            booted = held.enter_context(machine.running(folder))
        yield booted


@pytest.fixture
def play(metal, tmp_path):
    """Play a playbook on the machine; under several names, each with variables of its own."""

    def played(playbook: str, *options: str, **names: dict[str, Any]) -> tuple[int, str]:
        reached = {
            "ansible_host": "127.0.0.1",
            "ansible_port": metal.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(metal.key),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": believing(metal.known_hosts),
            "lab_profile": "vm",
            "lab_verify": {"copies": str(tmp_path)},
            "host_kernel": {"huge_pages": HUGE_PAGES},
        }
        inventory = tmp_path / "bench.yml"
        hosts = names or {"metal": {}}
        inventory.write_text(yaml.safe_dump({"bench": {"hosts": hosts, "vars": reached}}))
        return playing.play(playbook, "--inventory", inventory, *options)

    return played


def believing(known_hosts):
    """Options of ssh: these keys are the only ones that are believed."""
    strict = "-o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null"
    return f"{strict} -o UserKnownHostsFile={known_hosts}"


def state(metal):
    return sorted(set(metal.run(_VALUES).splitlines()))


def interrupts(metal):
    """By what the lab knows an interrupt by: its number, and its CPUs."""
    lines = [line.split() for line in metal.run(_INTERRUPTS).splitlines()]
    return {known: (int(number), cpus) for number, known, cpus in lines}


def value(metal, path):
    return metal.run(f"cat /{path}").strip()


def affinities(metal, unit):
    """Where the processes of a unit may run, by the kernel's own account."""
    group = f"/sys/fs/cgroup/system.slice/{unit}/cgroup.procs"
    look = f"for p in $(cat {group}); do grep Cpus_allowed_list /proc/$p/status; done"
    return {line.split()[1] for line in metal.run(look).splitlines()}


def changed(output):
    ((_, _, count, _, failed),) = playing.RECAP.findall(output)
    assert failed == "0", output
    return int(count)


def test_the_machine_has_what_it_is_for(metal):
    assert value(metal, "sys/devices/system/cpu/smt/control") == "on"
    caches = "/sys/devices/system/cpu/cpu*/cache/index3/shared_cpu_list"
    assert set(metal.run(f"cat {caches}").split()) == {"0-3", "4-7"}
    assert "cpuset" in value(metal, "sys/fs/cgroup/cgroup.controllers")


def test_a_host_is_refused_that_must_not_be_touched(metal, play):
    before = state(metal)
    status, output = play(
        "site",
        *_TUNE,
        stranger={},
        wrong={"lab_guard": {"machine_id": "f" * 32}},
        mistyped={"host_cpus": {"smt": False}},
    )
    assert status != 0
    for said in (
        "nobody has consented to changes of this host",
        "its machine-id is",
        "no role knows host_cpus",
    ):
        assert said in output
    metal.run("mkdir -p /etc/postgresql/15/main && cp /bin/sleep /usr/local/sbin/tuned")
    metal.run("setsid /usr/local/sbin/tuned 600 >/dev/null 2>&1 </dev/null &")
    _, output = play("site", *_TUNE)
    assert "clusters that the lab did not create: 15/main" in output
    assert "tuned runs and would change the clock" in output
    metal.run("pkill -x tuned; rm -r /etc/postgresql /usr/local/sbin/tuned")
    assert state(metal) == before


def test_a_machine_with_another_key_is_not_spoken_to(metal, play, tmp_path):
    key = nspawn.make_key(tmp_path / "another").strip()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{metal.port} {key}\n")
    impostor = {
        "ansible_ssh_args": "-o ControlPath=none",  # no connection that is still open counts
        "ansible_ssh_common_args": believing(tmp_path / "known_hosts"),
    }
    status, output = play("preflight", impostor=impostor)
    assert status != 0
    assert "Host key verification failed" in output


def test_what_has_another_digest_is_not_even_unpacked(metal, play):
    metal.run("echo no tarball > /srv/source.tar")
    source = {"from": "source", "source": {"url": "file:///srv/source.tar"}}
    status, output = play(_ONE_ROLE, metal={"role_under_test": "loadgen", "loadgen": source})
    assert status != 0
    assert "did not match" in output
    assert metal.run("find /opt/ormlab -type f") == ""
    metal.run("rm -r /opt/ormlab /srv/source.tar")


def test_a_host_is_tuned_stays_so_over_a_reboot_and_is_given_back(metal, play, tmp_path):
    """At the reboot another drive is there, so that interrupts and drives have other names."""
    before, numbers = state(metal), interrupts(metal)
    assert play("enroll", "--limit", "metal")[0] == 0
    with step("site --tags tune"):
        status, output = play("site", *_TUNE)
    assert status == 0, output
    it_is_tuned(metal)
    with step("site again"):
        assert changed(play("site", *_TUNE)[1]) == 0
    assert changed(play("site", *_TUNE, "--check")[1]) == 0
    assert "nobody has consented to metal being rebooted" in play("reboot")[1]
    assert play("reboot", "-e", "lab_consent=metal")[0] == 0, "nothing wants a reboot"

    with step("reboot with another drive"):
        metal.shut_down()
        machine.empty(tmp_path / "another.img", mib=16)
        metal.switch_on(*machine.drive(tmp_path / "another.img"))
    renumbered = interrupts(metal)
    assert numbers.keys() < renumbered.keys()
    assert any(numbers[known][0] != renumbered[known][0] for known in numbers)
    status, output = play("verify", "--skip-tags", "install")
    assert status == 0, output
    it_is_tuned(metal)

    metal.run("echo 0 > /sys/devices/system/cpu/cpu6/online")
    status, output = play("verify", "--skip-tags", "install")
    assert status != 0
    assert "is refused" in output
    metal.run("echo 1 > /sys/devices/system/cpu/cpu6/online")

    with step("untune"):
        status, output = play("untune")
    assert status == 0, output
    status, output = play("uninstall", "--skip-tags", "install")
    assert status == 0, output
    assert state(metal) == before
    given_back = {known: cpus for known, (_, cpus) in interrupts(metal).items()}
    assert {known: given_back[known] for known in numbers} == {
        known: cpus for known, (_, cpus) in numbers.items()
    }
    assert given_back[f"{_DRIVE}/0"] == "0-7"  # which the lab first saw when it was tuned


def it_is_tuned(metal):
    """SMT off leaves CPUs 0, 2, 4 and 6: one each for housekeeping, load, database and service."""
    assert value(metal, "sys/devices/system/cpu/online") == "0,2,4,6"
    assert value(metal, "proc/sys/vm/swappiness") == "1"
    assert value(metal, "proc/sys/vm/nr_hugepages") == str(HUGE_PAGES)
    assert "[madvise]" in value(metal, "sys/kernel/mm/transparent_hugepage/enabled")
    assert metal.run("swapon --show --noheadings") == ""
    assert value(metal, "proc/sys/vm/stat_interval") == "10"
    assert value(metal, "proc/sys/vm/dirty_bytes") == str(1 << 30)
    assert metal.run("systemctl is-active apt-daily.timer || true").strip() != "active"
    assert affinities(metal, "cron.service") == {"0"}
    assert affinities(metal, "ssh.service") == {"0"}
    placed = json.loads(value(metal, "var/lib/ormlab/placement.json"))
    assert placed["tier"] == "exclusive-core"
    purposes = ("housekeeping", "load", "database", "service")
    assert [placed[purpose] for purpose in purposes] == ["0", "2", "4", "6"]
