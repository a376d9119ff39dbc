"""The key that an sshd shows to whoever connects, before anybody has compared it."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramiko import HostKeys, SSHException, Transport

from ormlab.base.errors import ProvisioningError
from ormlab.hosts import trouble
from ormlab.hosts.inventory.ssh import PORT
from ormlab.hosts.tunnel import tunnel

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.hosts.inventory import HostSpec

_PATIENCE_S = 15.0
# What OpenSSH prefers too, and what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` is about.
_FIRST = "ssh-ed25519"


@dataclass(frozen=True)
class HostKey:
    """A public key of an sshd."""

    name: str  #: of the sshd in known_hosts: its address, with the port if that is not 22
    kind: str  #: such as ssh-ed25519
    key: str  #: in base64
    fingerprint: str  #: as ssh-keygen prints it, ``SHA256:...``

    @property
    def line(self) -> str:
        """The key as a line of known_hosts."""
        return f"{self.name} {self.kind} {self.key}"


def offered(address: str, port: int | None = None, proxy: str | None = None) -> HostKey:
    """Ask an sshd for its key; through the command ``proxy``, if there is one.

    Raises:
        ProvisioningError: nothing answers there, or no sshd.
    """
    at = (address, port or PORT)
    name = address if at[1] == PORT else f"[{address}]:{at[1]}"
    with tunnel(proxy) as through:
        try:
            wire = through.socket if through else socket.create_connection(at, _PATIENCE_S)
            with closing(Transport(wire)) as transport:
                options = transport.get_security_options()
                others = [kind for kind in options.key_types if kind != _FIRST]
                options.key_types = [_FIRST, *others]
                transport.start_client(timeout=_PATIENCE_S)
                key = transport.get_remote_server_key()
        except (OSError, EOFError, SSHException) as problem:
            said = through.complaint if through else ""
            reason = said or str(problem) or "it closed the connection"
            raise ProvisioningError(
                "host-unreachable",
                f"no sshd answers at {name}: {reason}",
                where=name,
                hint=trouble.hint(reason, "known_hosts")
                if said
                else "start sshd there (`apt install openssh-server`), and check address and port; "
                "a Host of ~/.ssh/config is no address",
            ) from None
    return HostKey(name, key.get_name(), key.get_base64(), key.fingerprint)


def in_the_way(spec: HostSpec) -> str:
    """What keeps connections from a host behind jump hosts; empty if its sshd answers.

    ssh throws away what the program of ProxyCommand says, where it shares connections, as in plays.
    """
    try:
        if spec.proxy and not spec.local:
            offered(spec.address, spec.variables.ansible_port, spec.proxy)
    except ProvisioningError as closed:
        return closed.what
    return ""


def known(known_hosts: Path, offer: HostKey) -> bool | None:
    """Whether a file of accepted keys has this key; None if it has none of that sshd.

    False means that the file has another key, or another kind of key.
    """
    keys = HostKeys()
    if known_hosts.exists():
        keys.load(str(known_hosts))
    found = keys.lookup(offer.name)
    if found is None:
        return None
    key = found.get(offer.kind)
    return key is not None and key.get_base64() == offer.key
