from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.placement import Topology, plan, read_topology
from agent.processes import cpu_list


def flat(count: int, *, l3: tuple[tuple[int, ...], ...] = (), threads: int = 1) -> Topology:
    cores = tuple(
        tuple(core + thread * count for thread in range(threads)) for core in range(count)
    )
    return Topology(cores, l3)


RYZEN = (tuple(range(8)), tuple(range(8, 16)))


def test_a_7950x_without_smt_gets_the_layout_of_the_design():
    placed = plan(flat(16, l3=RYZEN))
    assert placed.tier == "exclusive-l3"
    assert placed.housekeeping == (0, 1)
    assert placed.load == (2, 3)
    assert placed.database == (4, 5, 6, 7)
    assert placed.service == tuple(range(8, 16))


def test_with_smt_whole_cores_move_together():
    placed = plan(flat(16, l3=RYZEN, threads=2))
    assert placed.housekeeping == (0, 1, 16, 17)
    assert placed.service == (*range(8, 16), *range(24, 32))


@pytest.mark.parametrize(
    ("cores", "tier"),
    [(1, "none"), (2, "degraded"), (3, "degraded"), (4, "exclusive-core"), (15, "exclusive-core")],
)
def test_the_tier_follows_the_number_of_cores(cores, tier):
    assert plan(flat(cores)).tier == tier


def test_on_two_cores_the_service_has_one_and_the_rest_the_other():
    placed = plan(flat(2))
    assert placed.service == (1,)
    assert placed.housekeeping == placed.load == placed.database == (0,)


@given(st.integers(1, 40), st.integers(1, 2), st.integers(1, 4))
def test_every_plan_is_inside_the_host_never_empty_and_keeps_cores_whole(cores, threads, domains):
    size = -(-cores // domains)
    l3 = tuple(tuple(range(at, min(at + size, cores))) for at in range(0, cores, size))
    topology = flat(cores, l3=l3, threads=threads)
    placed = plan(topology)
    purposes = (placed.housekeeping, placed.load, placed.database, placed.service)
    for purpose in purposes:
        assert purpose
        owners = [core for core in topology.cores if set(core) & set(purpose)]
        assert sorted(cpu for core in owners for cpu in core) == sorted(purpose)
    if placed.tier.startswith("exclusive"):
        used = [cpu for purpose in purposes for cpu in purpose]
        assert len(used) == len(set(used))
    if cores > 1:
        assert not set(placed.service) & set(placed.load)
        assert not set(placed.service) & set(placed.database)


def sysfs(root: Path, *, online: str, siblings: dict[int, str], l3: dict[int, str]) -> Path:
    base = root / "sys/devices/system/cpu"
    base.mkdir(parents=True)
    (base / "online").write_text(online + "\n")
    for cpu, text in siblings.items():
        (base / f"cpu{cpu}/topology").mkdir(parents=True)
        (base / f"cpu{cpu}/topology/thread_siblings_list").write_text(text + "\n")
    for cpu, text in l3.items():
        (base / f"cpu{cpu}/cache/index3").mkdir(parents=True)
        (base / f"cpu{cpu}/cache/index3/shared_cpu_list").write_text(text + "\n")
    return root


def test_cpus_that_are_offline_do_not_exist_for_the_plan(tmp_path):
    root = sysfs(
        tmp_path,
        online="0,2-3",
        siblings={0: "0-1", 2: "2-3", 3: "2-3"},
        l3={0: "0-3", 2: "0-3", 3: "0-3"},
    )
    assert read_topology(root) == Topology(((0,), (2, 3)), ((0, 1),))


def test_without_index3_no_domain_is_known(tmp_path):
    root = sysfs(tmp_path, online="0-1", siblings={0: "0", 1: "1"}, l3={})
    assert read_topology(root) == Topology(((0,), (1,)), ())


def test_this_machine_can_be_read():
    topology = read_topology(Path("/"))
    assert topology.cores
    assert plan(topology).service


@pytest.mark.parametrize(
    ("text", "cpus"), [("", []), ("3", [3]), ("0-2,7", [0, 1, 2, 7]), ("0\n", [0])]
)
def test_the_kernels_list_format(text, cpus):
    assert cpu_list(text) == cpus
