"""Adds a host to an inventory: compares its key, looks at it, and writes what follows from that.

files        the files of the inventory
first_look   the first look at the host
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from host.identity import OWN_CLUSTER
from ormlab.base import scratch
from ormlab.base.errors import HostGateError, InventoryError, ProvisioningError
from ormlab.hosts import inventory as inventories
from ormlab.hosts.inventory import ROLES, ssh
from ormlab.hosts.inventory.variables import require_name
from ormlab.hosts.offered import HostKey, known, offered
from ormlab.provision.add import files
from ormlab.provision.add.files import DEFAULT
from ormlab.provision.add.first_look import FirstLook, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ormlab.hosts.inventory import HostSpec

__all__ = ["DEFAULT", "AddedHost", "Wish", "add"]

_PYTHON = {"debian": "/usr/bin/python3.13", "ubuntu": "/usr/local/bin/python3.13"}


@dataclass(frozen=True)
class Wish:
    """A host that shall be in an inventory; None for what ssh's own configuration decides."""

    name: str  #: in the inventory
    address: str
    user: str | None = None  #: who logs in
    port: int | None = None  #: of its sshd
    key: Path | None = None  #: file of the private key
    jump: str | None = None  #: jump hosts, as ProxyJump of ssh has them
    sudo_password_file: Path | None = None  #: its first line is the password of the login user
    roles: tuple[str, ...] = ()  #: empty for those that no host has yet

    @property
    def variables(self) -> dict[str, object]:
        """How it is reached, as variables of the inventory."""
        secret = self.sudo_password_file
        lookup = f"lookup('ansible.builtin.file', '{secret.absolute()}')" if secret else None
        asked = {
            "ansible_host": self.address,
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": str(self.key.absolute()) if self.key else None,
            "ansible_ssh_common_args": f"-o {quote(f'ProxyJump={self.jump}')}"
            if self.jump
            else None,
            "ansible_become_password": f"{{{{ {lookup} }}}}" if lookup else None,
        }
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True)
class AddedHost:
    """What is known of the new host, and where that stands now."""

    inventory: Path
    wish: Wish
    roles: tuple[str, ...]  #: of the host
    missing: tuple[str, ...]  #: roles that have no host yet; a run needs all of them
    keys: tuple[HostKey, ...]  #: of the jump hosts, and at last of the host
    found: FirstLook
    files: dict[str, bool]  #: by path beside the inventory, whether it was written now


def add(
    wish: Wish, inventory: Path, compared: Callable[[HostKey], bool], stage: Callable[[str], None]
) -> AddedHost:
    """Put a host into an inventory. Nothing is written before everything has been looked at.

    Args:
        wish: the host.
        inventory: hosts.yml, which need not exist.
        compared: asked whether a key is the one on the machine's console.
        stage: receives the news.

    Raises:
        InventoryError: the inventory says something else of this host or role.
        ProvisioningError: the host or its key is refused.
        HostGateError: the lab would not provision the host.
    """
    require_name(wish.name, str(inventory))
    with scratch.alone("inventory"):
        return _add(wish, inventory, compared, stage)


def _add(
    wish: Wish, inventory: Path, compared: Callable[[HostKey], bool], stage: Callable[[str], None]
) -> AddedHost:
    of_roles = _roles(wish, files.roles(inventory))
    carried = tuple(role for role in ROLES if of_roles.get(role) == wish.name)
    own = f"host_vars/{wish.name}.yml"
    texts = {inventory.name: files.hosts(of_roles)}
    if not (inventory.parent / own).exists():
        texts[own] = files.one(wish.variables)
    if not (inventory.parent / files.VARIABLES).exists():
        texts[files.VARIABLES] = files.every()
    with scratch.folder() as folder:
        # Ansible reads what it will read later, so what it refuses is never written.
        staged = files.stage(inventory, folder, texts)
        (spec,) = inventories.bench(staged, [wish.name]).hosts
        _require_same(wish, spec, inventory.parent / own)
        keys = tuple(_compare(spec, compared, stage))
        stage(f"{wish.name}: looking at it")
        found = look(spec)
        if found.refusals:
            raise HostGateError(
                found.refusals[0].code,
                f"{wish.name}: {'; '.join(each.what for each in found.refusals)}",
                where=f"{wish.name} ({wish.address})",
                hint="; ".join(each.hint for each in found.refusals),
            )
        texts[files.KNOWN] = Path(spec.known_hosts).read_text()
    if own in texts:
        texts[own] = files.one(wish.variables | _recognised(found, carried))
    written = files.install(inventory, texts)
    missing = tuple(role for role in ROLES if role not in of_roles)
    return AddedHost(inventory, wish, carried, missing, keys, found, written)


def _roles(wish: Wish, present: dict[str, str]) -> dict[str, str]:
    """The host of each role, with the new one among them."""
    own = [role for role, host in present.items() if host == wish.name]
    wanted = wish.roles or own or [role for role in ROLES if role not in present]
    taken = [role for role in wanted if present.get(role, wish.name) != wish.name]
    if taken or not wanted:
        others = ", ".join(f"{role} is {host}" for role, host in present.items())
        raise InventoryError(
            "role-taken",
            f"{wish.name} gets no role: each has one host, and {others}",
            where="--role",
            hint="name roles that no host has, or another file with --inventory",
        )
    return present | dict.fromkeys(wanted, wish.name)


def _require_same(wish: Wish, spec: HostSpec, path: Path) -> None:
    """Refuse a command that says something else than the host's own file, which is its user's."""
    said = spec.variables
    asked = (
        ("address", wish.address, spec.address),
        ("user", wish.user, said.ansible_user),
        ("port", wish.port, said.ansible_port),
        ("key", wish.key and str(wish.key.absolute()), said.ansible_ssh_private_key_file),
        ("jump", wish.jump and ssh.read([f"-J {quote(wish.jump)}"]).jumps, said.route.jumps),
    )
    for option, wanted, present in asked:
        if wanted is not None and wanted != present:
            raise InventoryError(
                "inventory-differs",
                f"--{option} is another one than in the file of {wish.name}",
                where=str(path),
                hint="edit that file, or remove it and repeat the command",
            )


def _compare(
    spec: HostSpec, compared: Callable[[HostKey], bool], stage: Callable[[str], None]
) -> Iterator[HostKey]:
    """Add the keys of the jump hosts and of the host to the staged known_hosts, the first first."""
    path = Path(spec.known_hosts)
    given = spec.variables
    jumps = given.route.jumps
    ways: list[tuple[str, int | None, str | None]] = [
        (each.address, each.port, _through(jumps[:number], each, spec))
        for number, each in enumerate(jumps)
    ]
    for address, port, proxy in [*ways, (spec.address, given.ansible_port, spec.proxy)]:
        stage(f"{address}: asking its sshd for its key")
        offer = offered(address, port, proxy)
        there = known(path, offer)
        if there is False:
            raise ProvisioningError(
                "host-key-changed",
                f"{offer.name} shows the key {offer.kind} {offer.fingerprint}, and known_hosts has "
                "another one",
                where=offer.name,
                hint="if the machine was installed anew, remove its line from known_hosts beside "
                "the inventory and repeat the command; else somebody may be between",
            )
        if there is None:
            if not compared(offer):
                raise ProvisioningError(
                    "host-key-unconfirmed",
                    f"{offer.name} shows the key {offer.kind} {offer.fingerprint}, and nobody has "
                    "confirmed it",
                    where=offer.name,
                    hint="compare it with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on "
                    f"the machine's console, then add --fingerprint {offer.fingerprint}",
                )
            before = path.read_text() if path.exists() else ""
            path.unlink(missing_ok=True)  # it may be a link to the real one
            path.write_text(f"{before}{offer.line}\n")
        yield offer


def _through(jumps: Sequence[ssh.Jump], to: ssh.Jump, spec: HostSpec) -> str | None:
    """The way to a jump host, through those before it."""
    key = spec.variables.ansible_ssh_private_key_file
    route = ssh.Route(tuple(jumps))
    return ssh.proxied(route, to.address, port=to.port, key=key, known=spec.known_hosts)


def _recognised(found: FirstLook, carried: Sequence[str]) -> dict[str, object]:
    """What was read on the host and belongs into its variables."""
    identity = found.identity
    distribution = identity.distribution[0]
    guard = {
        "machine_id": identity.machine_id,
        "cpu_model": identity.cpu_model,
        "memory_gib": int(identity.memory_gib or 0) or None,
    }
    return {
        "lab_profile": found.profile,
        "lab_python": _PYTHON[distribution],
        **({"python_runtime": {"from": "uv"}} if distribution == "ubuntu" else {}),
        "lab_guard": {key: value for key, value in guard.items() if value is not None},
        **(
            {
                "lab_postgres_binaries": "/usr/lib/postgresql/16/bin",
                "lab_postgres_cluster": f"/etc/postgresql/{OWN_CLUSTER}",
            }
            if "db" in carried
            else {}
        ),
    }
