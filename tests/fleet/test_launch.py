"""What is refused before Slurm is asked, and what a refusal of Slurm leaves."""

from __future__ import annotations

import json

import pytest

from tests.cli.inside import ormlab
from tests.conftest import CHECKOUT
from tests.run.small import write_inventory, write_plan


@pytest.fixture
def plan(tmp_path):
    return write_plan(tmp_path / "small.yaml")


SLURM = ["--on", "slurm", "--runs", "6"]
HOSTS = ["--on", "inventory/ryzen9.yml"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--on", "slurm"], "--on slurm needs the number of runs"),
        (["--runs", "6"], "--runs is for several runs: give --on"),
        (["--no-wait"], "--no-wait is for several runs: give --on"),
        ([*SLURM, "--report"], "--report is for a single run"),
        ([*SLURM, "--ledger", "article"], "--ledger is for a single run"),
        ([*HOSTS, "--constraint", "x"], "are for Slurm"),
        ([*HOSTS, "--inventory", "inventory/slurm.yml"], "--on names the inventory"),
        (HOSTS, "the group fleet holds no host"),
        (["--on", "slrum", "--runs", "6"], "there is no such inventory"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, said):
    assert said in ormlab("run", "demo", *options, code=2).stderr


def test_an_inventory_of_other_hosts_is_refused(plan, tmp_path):
    inventory = CHECKOUT / "inventory/ryzen9.yml"
    options = ("--inventory", inventory, "--bundles", tmp_path / "bundles")
    told = ormlab("run", plan, "--on", "slurm", "--runs", 2, *options, code=2)
    assert "a node carries out its run alone, but the inventory names ryzen9" in told.stderr


def test_without_slurm_nothing_is_left(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(_without_slurm(tmp_path)))
    bundles = tmp_path / "bundles"
    inventory = write_inventory(tmp_path / "inventory.yml", tmp_path / "host")
    options = ("--inventory", inventory, "--bundles", bundles, "--json")
    told = ormlab("run", plan, "--on", "slurm", "--runs", 2, *options, code=7)
    (problem,) = json.loads(told.stdout)["problems"]
    assert problem["code"] == "slurm-missing"
    assert list(bundles.iterdir()) == []


def _without_slurm(tmp_path):
    """A PATH with git, which says what the source is, and the shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    return folder
