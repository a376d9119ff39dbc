from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from host.cgroups import usable_cpus
from host.cpus import CPUS, as_list, as_mask, cpu_list, mask_cpus
from host.kernel import Files
from host.placement import (
    KEPT,
    LAYOUTS,
    PURPOSES,
    VERDICT,
    plan,
    read_plan,
    read_tier,
)
from host.topology import Topology, read_boost, read_topology
from tests.conftest import CHECKOUT
from tests.doctor import hosts

RYZEN = (tuple(range(8)), tuple(range(8, 16)))
# Each example writes a tree of hundreds of files: the full size runs on demand.
TREES = int(os.environ.get("ORMLAB_PLACEMENT_TREES", "20"))
L3, CORE, DEGRADED, NONE = "exclusive-l3", "exclusive-core", "degraded", "none"
# Tier, then housekeeping, load, database and service, of each fixture under dut_alone.
PLANNED = {
    "ryzen-smt-off": (L3, "0-1", "2-3", "4-7", "8-15"),
    "ryzen-smt-on": (CORE, "0-1,16-17", "2-3,18-19", "4-7,20-23", "8-15,24-31"),
    "two-sockets": (L3, "0-1", "2-3", "4-7", "8-15"),
    "cpu-offline": (CORE, "0-1,16-17", "2,4,18,20", "5-7,19,21-23", "8-11,13-15,24-27,29-31"),
    "asymmetric": (CORE, "0-1,14-15", "2-3,16-17", "4-7,18-21", "8-13,22-27"),
    "ryzen-7950x3d": (L3, "0-1", "2-3", "4-7", "8-15"),
    "ryzen-linux-6.8": (CORE, "0-1", "2-3", "4-7", "8-15"),
    "ryzen-linux-6.8-smt-on": (CORE, "0-1,16-17", "2-3,18-19", "4-7,20-23", "8-15,24-31"),
    "ryzen-linux-6.12": (CORE, "0-1,16-17", "2-3,18-19", "4-7,20-23", "8-15,24-31"),
    "ryzen-9950x": (CORE, "0-1,16-17", "2-3,18-19", "4-7,20-23", "8-15,24-31"),
    "ryzen-3950x": (L3, "0-3", "4-7", "8-11", "12-15"),
    "ryzen-3900x": (L3, "0-2", "3-5", "6-8", "9-11"),
    "epyc-7763-two-sockets": (L3, "0-7", "8-15", "16-23", "24-31"),
    "core-13900k": (CORE, "16", "17-20", "0-7", "8-15"),
    "container-cpuset": (CORE, "10", "11", "12", "13"),
    "no-index3": (CORE, "0", "1", "2", "3"),
    "three-cores": (DEGRADED, "0", "0", "1", "2"),
    "vm-two-cores": (DEGRADED, "0", "0", "0", "1"),
    "one-core": (NONE, "0", "0", "0", "0"),
}


def flat(count: int, *, l3: tuple[tuple[int, ...], ...] = (), threads: int = 1) -> Topology:
    cores = tuple(
        tuple(core + thread * count for thread in range(threads)) for core in range(count)
    )
    return Topology(cores, l3)


def purposes(placed) -> list[tuple[int, ...]]:
    return [getattr(placed, purpose) for purpose in PURPOSES]


def check(topology: Topology, placed) -> None:
    """What every plan keeps, whatever the host and the layout."""
    online = {cpu for core in topology.cores for cpu in core}
    for cpus in purposes(placed):
        assert cpus
        assert set(cpus) <= online
        owners = [core for core in topology.cores if set(core) & set(cpus)]
        assert sorted(cpu for core in owners for cpu in core) == sorted(cpus)
    if placed.tier.startswith("exclusive"):
        used = [cpu for cpus in purposes(placed) for cpu in cpus]
        assert len(used) == len(set(used))
    if len(topology.cores) > 1:
        alone = placed.database if placed.layout == "db_alone" else placed.service
        others = [cpus for cpus in purposes(placed) if cpus != alone]
        assert len(others) == len(PURPOSES) - 1
        assert not set(alone) & {cpu for cpus in others for cpu in cpus}


def test_every_fixture_has_its_plan():
    assert PLANNED.keys() == set(hosts.NAMES)


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_a_fixture_is_planned_by_its_topology(name, tmp_path):
    placed = read_plan(hosts.build(name, tmp_path))
    assert (placed.tier, *map(as_list, purposes(placed))) == PLANNED[name]


@settings(max_examples=TREES)
@given(name=st.sampled_from(hosts.NAMES), layout=st.sampled_from(LAYOUTS), switched_off=st.data())
def test_with_any_cpus_of_a_fixture_offline_a_plan_keeps_its_promises(name, layout, switched_off):
    host = hosts.load(name)
    last = host["cores"] * host["threads"] + host.get("efficient", 0) - 1
    offline = switched_off.draw(st.sets(st.integers(1, last)) if last else st.just(set()))
    with tempfile.TemporaryDirectory() as root:
        hosts.build(name, Path(root), offline=offline)
        # The kernel gives a cpuset whose last CPU went offline those of its parent.
        assume(usable_cpus(Files(Path(root))))
        topology = read_topology(Path(root))
        placed = read_plan(Path(root), layout)
    assert not {cpu for cpus in purposes(placed) for cpu in cpus} & offline
    check(topology, placed)


@given(
    st.integers(1, 40),
    st.integers(1, 2),
    st.integers(1, 4),
    st.sampled_from(LAYOUTS),
    st.sampled_from(["on", "off", "mixed", None]),
)
def test_every_plan_of_every_layout_keeps_its_promises(cores, threads, domains, layout, boost):
    size = -(-cores // domains)
    l3 = tuple(tuple(range(at, min(at + size, cores))) for at in range(0, cores, size))
    topology = flat(cores, l3=l3, threads=threads)
    placed = plan(topology, layout, boost=boost)
    check(topology, placed)
    if placed.tier == L3:
        domain = next(domain for domain in l3 if placed.service[0] in domain)
        others = {cpu for cpus in purposes(placed)[:3] for cpu in cpus}
        assert not {cpu for core in domain for cpu in topology.cores[core]} & others


@pytest.mark.parametrize(
    ("layout", "tier", "database", "service"),
    [
        ("dut_alone", L3, "4-7", "8-15"),
        ("db_alone", CORE, "8-15", "4-7"),
        ("same_ccd", CORE, "8-11", "12-15"),
    ],
)
def test_a_layout_moves_database_and_service_and_nothing_else(layout, tier, database, service):
    placed = plan(flat(16, l3=RYZEN), layout, boost="off")
    assert placed.tier == tier
    assert as_list(placed.housekeeping) == "0-1"
    assert as_list(placed.load) == "2-3"
    assert as_list(placed.database) == database
    assert as_list(placed.service) == service


@pytest.mark.parametrize("boost", ["on", "mixed", None])
def test_boost_that_is_not_known_to_be_off_costs_the_tier_but_not_the_plan(boost):
    off = plan(flat(16, l3=RYZEN), "dut_alone", boost="off")
    other = plan(flat(16, l3=RYZEN), "dut_alone", boost=boost)
    assert (off.tier, other.tier) == (L3, CORE)
    assert purposes(off) == purposes(other)


@pytest.mark.parametrize("stacked", [0, 1])
def test_the_service_has_the_smaller_cache_wherever_the_larger_one_is(stacked):
    sizes = tuple(98304 if index == stacked else 32768 for index in range(2))
    placed = plan(Topology(flat(16).cores, RYZEN, sizes), "dut_alone", boost="off")
    assert placed.service == RYZEN[1 - stacked]
    assert set(placed.database) < set(RYZEN[stacked])
    assert placed.tier == L3
    assert any("(96 MiB)" in said for said in placed.why)


def test_a_plan_stays_in_one_memory_node_that_has_two_caches():
    l3 = tuple(tuple(range(at, at + 8)) for at in range(0, 32, 8))
    near = Topology(flat(32).cores, l3, nodes=(tuple(range(16)), tuple(range(16, 32))))
    placed = plan(near, "dut_alone", boost="off")
    assert {cpu for cpus in purposes(placed) for cpu in cpus} == set(range(16))
    far = Topology(flat(16).cores, RYZEN, nodes=RYZEN)
    assert plan(far, "dut_alone", boost="off").tier == L3


@given(fast=st.integers(1, 12), slow=st.integers(1, 20), layout=st.sampled_from(LAYOUTS))
def test_a_service_never_runs_on_both_kinds_of_cores(fast, slow, layout):
    kinds = Topology(flat(fast + slow).cores, (), efficient=tuple(range(fast, fast + slow)))
    placed = plan(kinds, layout, boost="off")
    check(kinds, placed)
    if slow > 2 and layout != "db_alone":
        assert max(placed.service) < fast


def test_a_core_that_another_cpuset_has_a_thread_of_is_not_exclusive(tmp_path):
    hosts.build("ryzen-smt-on", tmp_path)
    hosts.write(tmp_path, "sys/fs/cgroup/user.slice/cpuset.cpus.effective", "0-15")
    placed = read_plan(tmp_path)
    assert placed.tier == DEGRADED
    assert max(cpu for cpus in purposes(placed) for cpu in cpus) < 16
    assert any("another cpuset" in said for said in placed.why)


@pytest.mark.parametrize(
    ("group", "files", "allowed"),
    [
        ("0::/user.slice/a.scope", {"user.slice/cpuset.cpus.effective": "2-3"}, [2, 3]),
        ("0::/", {"cpuset.cpus.effective": "4-5"}, [4, 5]),
        ("3:cpuset:/box", {"cpuset/box/cpuset.effective_cpus": "6,99"}, [6]),
        ("3:cpuset:/unseen", {"cpuset/cpuset.effective_cpus": "7"}, [7]),
        ("0::/user.slice", {}, list(range(16))),
        ("1:name=systemd:/", {}, list(range(16))),
    ],
)
def test_the_nearest_cpuset_says_which_cpus_can_be_had(group, files, allowed, tmp_path):
    hosts.build("ryzen-smt-off", tmp_path)
    hosts.write(tmp_path, "proc/self/cgroup", group)
    for path, text in files.items():
        hosts.write(tmp_path, f"sys/fs/cgroup/{path}", text)
    assert usable_cpus(Files(tmp_path)) == allowed


def test_the_command_prints_the_plan_of_any_folder(tmp_path):
    hosts.build("ryzen-smt-off", tmp_path)
    command = [sys.executable, "-m", "agent", "placement", "--root", tmp_path]
    answer = subprocess.run(
        [*command, "--layout", "same_ccd"], check=True, capture_output=True, text=True, cwd=CHECKOUT
    )
    printed = json.loads(answer.stdout)
    assert printed["layout"] == "same_ccd"
    assert printed["service"] == [12, 13, 14, 15]


def test_a_host_is_planned_by_the_layout_it_was_provisioned_for(tmp_path):
    hosts.build("ryzen-smt-off", tmp_path)
    hosts.write(tmp_path, KEPT, json.dumps({"layout": "db_alone"}))
    assert read_plan(tmp_path).layout == "db_alone"
    assert read_plan(tmp_path, "same_ccd").layout == "same_ccd"


@pytest.mark.parametrize(
    ("found", "tier"), [("degraded", DEGRADED), (L3, L3), (None, L3), (NONE, NONE)]
)
def test_a_host_has_at_most_the_tier_that_it_could_be_tuned_for(found, tier, tmp_path):
    hosts.build("ryzen-smt-off", tmp_path)
    if found:
        hosts.write(tmp_path, VERDICT, json.dumps({"tier": found}))
    assert read_tier(tmp_path, read_plan(tmp_path)) == tier


def test_this_machine_can_be_read():
    assert read_topology(Path("/")).cores
    assert read_plan(Path("/")).service


@pytest.mark.parametrize(
    ("text", "cpus"), [("", []), ("3", [3]), ("0-2,7", [0, 1, 2, 7]), ("0\n", [0])]
)
def test_the_kernels_list_format(text, cpus):
    assert cpu_list(text) == cpus
    assert as_list(cpus) == text.strip()


@given(st.sets(st.integers(0, 200)))
def test_lists_and_masks_are_read_as_they_were_written(cpus):
    assert cpu_list(as_list(cpus)) == sorted(cpus)
    assert mask_cpus(as_mask(cpus)) == sorted(cpus)


@pytest.mark.parametrize(
    ("cpus", "mask"), [([], "00000000"), ([0, 1], "00000003"), ([0, 33], "00000002,00000001")]
)
def test_the_kernels_mask_format(cpus, mask):
    assert as_mask(cpus) == mask


def test_the_policy_of_an_offline_cpu_answers_busy_and_says_nothing_of_boost(tmp_path, monkeypatch):
    for number, state in ((0, "0"), (1, "1")):
        policy = tmp_path / CPUS / f"cpufreq/policy{number}"
        policy.mkdir(parents=True)
        (policy / "boost").write_text(state)
    assert read_boost(tmp_path) == "mixed"
    read = Files.read

    def busy(self, path):
        if "policy1" in path:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        return read(self, path)

    monkeypatch.setattr(Files, "read", busy)
    assert read_boost(tmp_path) == "off"
