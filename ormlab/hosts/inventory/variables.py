"""The variables of an inventory that the orchestrator uses; all others are refused.

Ansible plays on the hosts of an inventory, and pyinfra runs on them. Both must use the same host,
account and folder. Every variable by which Ansible finds a host therefore has a field here, which
pyinfra uses too, or affects plays only, or is refused.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from ormlab.base.errors import InventoryError
from ormlab.hosts.inventory import ssh

type _Folder = Annotated[str, msgspec.Meta(pattern=r"\A/[^\x00-\x1f\x7f]*\Z")]
type _Account = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")]
type _Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")


class Sources(msgspec.Struct, frozen=True):
    """Where packages come from; only the role reads the other keys."""

    origin: Literal["online", "mirror", "bundle"] = msgspec.field(name="from", default="online")


class Secret:
    """A password: nothing that prints an object shows it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The password itself."""
        return self._text


class Variables(msgspec.Struct, frozen=True):
    """The variables of one host in the inventory; a missing one is None."""

    ansible_connection: Literal["local", "ssh"] = "ssh"  #: local for this machine
    ansible_host: str | None = None  #: address for ssh
    ansible_port: _Port | None = None  #: port of its sshd
    ansible_user: _Account | None = None  #: the login user
    ansible_ssh_private_key_file: str | None = None  #: key of that user
    lab_address: str | None = None  #: address for the other hosts of a run
    lab_root: _Folder | None = None  #: folder of the lab's state on the host
    lab_user: _Account | None = None  #: account that does the lab's work there
    lab_python: _Folder | None = None  #: a CPython 3.13 on the host
    lab_uv: _Folder | None = None  #: a uv on the host
    lab_service_port: _Port | None = None  #: first TCP port of the services
    lab_postgres_port: _Port | None = None  #: TCP port of PostgreSQL
    lab_postgres_binaries: _Folder | None = None  #: folder of PostgreSQL's programs on the host
    #: folder of postgresql.conf of a cluster made for runs
    lab_postgres_cluster: _Folder | None = None
    lab_sources: Sources = Sources()  #: where its packages come from
    route: ssh.Route = ssh.Route()  #: what its three variables of ssh arguments say together
    sudo_password: Secret | None = None  #: ansible_become_password, of the login user


class Said(msgspec.Struct, frozen=True):
    """One variable of a host, as Ansible sees it."""

    where: str = ""  #: file, line and column; empty if Ansible does not know them
    value: Any = None  #: the rendered value; null if it was not requested
    unknown: str = ""  #: why Ansible cannot render it; empty if it can


class Listed(msgspec.Struct, frozen=True):
    """An inventory as `ansible_side` reports it: hosts by group, and variables by host."""

    groups: dict[str, list[str]]
    hosts: dict[str, dict[str, Said]]


_FIELDS: Final = {
    field.name: field
    for field in msgspec.structs.fields(Variables)
    if field.name.startswith(("ansible_", "lab_"))
}
# The names by which Ansible knows the password of sudo.
_OF_SUDO: Final = ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass")
WANTED: Final[dict[str, list[str]]] = {
    **{name: [] for name in (*_FIELDS, *ssh.ARGUMENTS, *_OF_SUDO)},
    "lab_sources": ["from"],
}
"""Variables that Ansible must render, each with the wanted keys of a dict."""

# These change how a play works on a host, but neither the host nor the account. The lab's own rule
# for host keys overrides the last two. A run needs no root.
_OF_PLAYS_ALONE: Final = frozenset(
    {
        *("ansible_python_interpreter", "ansible_remote_tmp", "ansible_shell_executable"),
        *("ansible_pipelining", "ansible_ssh_pipelining", "ansible_ssh_transfer_method"),
        *("ansible_timeout", "ansible_ssh_timeout", "ansible_ssh_retries"),
        *("ansible_become", "ansible_become_user"),
        *("ansible_host_key_checking", "ansible_ssh_host_key_checking"),
    }
)
_INSTEAD: Final = {
    "ansible_ssh_host": "write ansible_host",
    "ansible_ssh_port": "write ansible_port",
    "ansible_ssh_user": "write ansible_user",
    "ansible_private_key_file": "write ansible_ssh_private_key_file",
    "ansible_password": "log in with a key: ansible_ssh_private_key_file",
    "ansible_ssh_pass": "log in with a key: ansible_ssh_private_key_file",
    "ansible_ssh_password": "log in with a key: ansible_ssh_private_key_file",
}
_OTHERWISE: Final = "remove it: a play would use it and a run would not"
_PATH: Final = "an absolute path"
_MEANT: Final = {
    "ansible_connection": "ssh or local, the connections that plays and runs have in common",
    **dict.fromkeys(("ansible_host", "lab_address"), "an address"),
    **dict.fromkeys(("ansible_user", "lab_user"), "the name of an account"),
    **dict.fromkeys(("lab_root", "lab_python", "lab_uv"), _PATH),
    **dict.fromkeys(("lab_postgres_binaries", "lab_postgres_cluster"), _PATH),
    "ansible_ssh_private_key_file": "the path of a file",
    "lab_sources": "a dict whose `from` is online, mirror or bundle",
}


def require_name(host: str, where: str) -> None:
    """Refuse a name that a host cannot have, because it also names folders.

    Raises:
        InventoryError: it has other characters, or is too long.
    """
    if not _NAME.fullmatch(host):
        raise InventoryError(
            "inventory-name",
            f"a host cannot be named {host!r}: its name also names folders and patterns",
            where=where,
            hint="use letters, digits and ._- as its name, and ansible_host for its address",
        )


def read(host: str, said: dict[str, Said], where: str) -> Variables:
    """Read the variables of one host, whose name also names folders.

    Raises:
        InventoryError: a variable has an invalid value, or only plays would use it.
    """
    require_name(host, where)
    for variable, one in said.items():
        place = f"{one.where or where}: {variable} of {host}"
        if one.unknown:
            hint = (
                "write the value itself, or use only what Ansible knows before a play: no facts of "
                "a host; for a vault, set ANSIBLE_VAULT_PASSWORD_FILE"
            )
            raise _refused(variable, f"has no value before a play: {one.unknown}", place, hint)
        if variable not in WANTED and variable not in _OF_PLAYS_ALONE:
            hint = _INSTEAD.get(variable, _OTHERWISE)
            raise _refused(variable, "would affect plays only, not runs", place, hint)
    given = {name: said[name] for name in _FIELDS if name in said}
    values = {
        name: _value(name, one, f"{one.where or where}: {name} of {host}")
        for name, one in given.items()
        if one.value not in (None, "")
    }
    return Variables(
        **values, route=_route(host, said, where), sudo_password=_password(host, said, where)
    )


def _route(host: str, said: dict[str, Said], where: str) -> ssh.Route:
    """The way to a host; each variable is also read alone, so that a refusal names it."""
    given = {name: said[name] for name in ssh.ARGUMENTS if name in said}
    texts = {name: str(one.value or "") for name, one in given.items()}
    for name, one in given.items():
        try:
            ssh.read([texts[name]])
        except ssh.Unusable as why:
            place = f"{one.where or where}: {name} of {host}"
            raise _refused(name, str(why), place, why.hint) from None
    try:
        return ssh.read(texts.values())
    except ssh.Unusable as why:
        named = " and ".join(texts)
        raise _refused(named, str(why), f"{where}: {named} of {host}", why.hint) from None


def _password(host: str, said: dict[str, Said], where: str) -> Secret | None:
    """The password of sudo; two that differ are refused: only Ansible knows which one counts."""
    present = [name for name in _OF_SUDO if name in said and said[name].value]
    given = {name: str(said[name].value) for name in present}
    if len(set(given.values())) > 1:
        names = " and ".join(given)
        raise _refused(names, "differ", f"{where}: {names} of {host}", f"keep {_OF_SUDO[0]}")
    return Secret(next(iter(given.values()))) if given else None


def _value(name: str, one: Said, place: str) -> Any:  # noqa: ANN401 - of the field's own type
    try:
        value = msgspec.convert(one.value, _FIELDS[name].type, strict=False)
    except msgspec.ValidationError:
        if name.endswith("_port"):
            raise InventoryError(
                "inventory-port",
                f"{name} is {one.value!r}, which is not a TCP port",
                where=place,
                hint="give a number from 1 to 65535",
            ) from None
        why = f"is {one.value!r}, which is not {_MEANT[name]}"
        raise _refused(name, why, place, f"give {_MEANT[name]}") from None
    if name in {"ansible_host", "lab_address"} and not _is_address(value):
        hint = "give a name or an address without a port, such as ::1; the port is ansible_port"
        raise _refused(name, f"is {value!r}, which is not an address", place, hint)
    if name == "ansible_ssh_private_key_file":
        value = str(Path(value).expanduser())
        if not Path(value).is_absolute():
            hint = "give an absolute path, or '{{ inventory_dir }}/...': the tools start elsewhere"
            raise _refused(name, f"is {value!r}, a relative path", place, hint)
    return value


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return all(_NAME.fullmatch(label) for label in value.split("."))
    return True


def _refused(variable: str, why: str, place: str, hint: str) -> InventoryError:
    return InventoryError(
        "inventory-variable", f"the variable {variable} {why}", where=place, hint=hint
    )
