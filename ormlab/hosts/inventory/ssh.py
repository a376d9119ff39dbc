"""The way to a host over ssh: what an inventory's ssh arguments say, for both tools alike.

Ansible runs OpenSSH, pyinfra runs paramiko, which understands none of its options. So the lab reads
the arguments into one type. A way through jump hosts becomes one command, whose standard input and
output lead to the host's sshd. Both tools go through that command.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PORT: Final = 22
ARGUMENTS: Final = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
"""The variables with arguments of ssh, in the order in which ssh gets them."""

_ELSEWHERE: Final = (
    "remove it: a play would use it and a run would not; put other settings of ssh into "
    "~/.ssh/config, which both read"
)
# Options that change neither the host nor the account. The lab's rule for host keys comes before
# them, and ssh uses the first value.
_HARMLESS: Final = frozenset(
    {
        *("stricthostkeychecking", "userknownhostsfile", "globalknownhostsfile", "checkhostip"),
        *("controlmaster", "controlpersist", "controlpath"),
        *("serveraliveinterval", "serveralivecountmax", "tcpkeepalive", "connecttimeout"),
        *("connectionattempts", "batchmode", "compression", "loglevel", "hashknownhosts"),
        *("identitiesonly", "preferredauthentications", "passwordauthentication"),
    }
)
_INSTEAD: Final = {
    "hostname": "write ansible_host",
    "port": "write ansible_port",
    "user": "write ansible_user",
    "identityfile": "write ansible_ssh_private_key_file",
}
_LONG: Final = {"J": "ProxyJump", "p": "Port", "l": "User", "i": "IdentityFile"}
_JUMP: Final = re.compile(
    r"(?:ssh://)?(?:(?P<user>[A-Za-z_][\w.-]*)@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<name>\w[\w.-]*))(?::(?P<port>[0-9]{1,5}))?"
)
_PORTS: Final = range(1, 65536)
_TOKEN: Final = re.compile(r"%(.)")


class Unusable(ValueError):  # noqa: N818 - says what cannot be used, and what to do
    """An argument that plays and runs would not use alike; ``hint`` says what to do."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.hint = hint


class Jump(msgspec.Struct, frozen=True):
    """A jump host: an sshd that passes connections on."""

    address: str
    user: str | None = None  #: who logs in there; None leaves that to ssh's own configuration
    port: int | None = None  #: of its sshd; likewise


class Route(msgspec.Struct, frozen=True):
    """What the ssh arguments of a host say."""

    jumps: tuple[Jump, ...] = ()  #: jump hosts, the first one first
    command: str = ""  #: ProxyCommand, in its place
    options: tuple[str, ...] = ()  #: further options, as ``-o`` takes them; only plays use them


def read(arguments: Iterable[str]) -> Route:
    """Read the values of `ARGUMENTS`, in their order.

    Raises:
        Unusable: plays and runs would not use one of them alike.
    """
    ways: list[tuple[str, str]] = []
    options = []
    for said, name, value in (option for each in arguments for option in _options(each)):
        key = name.lower()
        if key in {"proxyjump", "proxycommand"}:
            ways += [(key, value)] if value.lower() != "none" else []
        elif key in _HARMLESS:
            options.append(f"{name}={value}")
        else:
            hint = _INSTEAD.get(key, _ELSEWHERE)
            raise Unusable(f"has {said!r}, which would affect plays only, not runs", hint)
    if len(ways) > 1:
        raise Unusable("names two ways to the host", "keep one ProxyJump or ProxyCommand")
    jumps: tuple[Jump, ...] = ()
    command = ""
    for key, value in ways:
        if key == "proxycommand":
            command = _known_tokens(value)
        else:
            jumps = tuple(_jump(each.strip()) for each in value.split(","))
    return Route(jumps, command, tuple(options))


def _options(text: str) -> Iterator[tuple[str, str, str]]:
    """Each argument as it stands there, and its option's name and value."""
    try:
        words = iter(shlex.split(text))
    except ValueError as problem:
        raise Unusable(f"cannot be split: {problem}", "close its quotes") from None
    for word in words:
        letter = word[1:2] if word.startswith("-") else ""
        if letter != "o" and letter not in _LONG:
            raise Unusable(f"has {word!r}, which would affect plays only, not runs", _ELSEWHERE)
        value = word[2:] or next(words, "")
        said = word if word[2:] else f"{word} {value}"
        if letter == "o":
            name, _, value = (*re.split(r"([ =])", value.strip(), maxsplit=1), "", "")[:3]
        else:
            name = _LONG[letter]
        yield said, name, value.strip().removeprefix('"').removesuffix('"')


def _jump(text: str) -> Jump:
    found = _JUMP.fullmatch(text)
    port = int(found["port"]) if found and found["port"] else None
    if not found or (port is not None and port not in _PORTS):
        why = f"has the jump host {text!r}, which is not [user@]address[:port]"
        raise Unusable(why, "write an IPv6 address in brackets, and commas between jump hosts")
    return Jump(found["six"] or found["name"], found["user"], port)


def strict(known_hosts: str) -> list[str]:
    """Arguments of ssh that accept only the host keys of this file, and learn none."""
    files = (f'UserKnownHostsFile="{_literal(known_hosts)}"', "GlobalKnownHostsFile=/dev/null")
    return _as_words(("StrictHostKeyChecking=yes", *files))


def words(route: Route, proxy: str | None) -> list[str]:
    """The arguments of ssh for plays that follow those of `strict`; ``proxy`` from `proxied`."""
    through = [f"ProxyCommand={_literal(proxy)}"] if proxy else []
    return _as_words((*through, *route.options))


def proxied(
    route: Route, address: str, *, port: int | None, key: str | None, known: str
) -> str | None:
    """The shell command whose standard input and output are the host's sshd; None without one.

    Args:
        route: to the host.
        address: of the host.
        port: of its sshd.
        key: file of the private key that the jump hosts are offered too.
        known: file of the accepted host keys, those of the jump hosts as well.
    """
    target = (address, port or PORT)
    if route.command:
        given = {"h": address, "p": str(target[1]), "%": "%"}
        return _TOKEN.sub(lambda token: given[token[1]], route.command)
    through = ""
    for number, jump in enumerate(route.jumps, start=1):
        # The next jump host's sshd, or at last the host's own.
        following = route.jumps[number : number + 1]
        at, its_port = (following[0].address, following[0].port) if following else target
        options = ["BatchMode=yes", "ForwardAgent=no"]
        # It ends when the jump host falls silent, and the connection with it.
        options += ["ServerAliveInterval=10", "ServerAliveCountMax=3"]
        options += [f"User={jump.user}"] if jump.user else []
        options += [f"Port={jump.port}"] if jump.port else []
        options += [f'IdentityFile="{_literal(key)}"'] if key else []
        options += [f"ProxyCommand={_literal(through)}"] if through else []
        # A connection of its own: -S, because Ansible takes the word ControlPath here for its own.
        argv = ["ssh", "-S", "none", *strict(known), *_as_words(options)]
        through = shlex.join([*argv, "-W", f"[{at}]:{its_port or PORT}", "--", jump.address])
    return through or None


def _known_tokens(command: str) -> str:
    if unknown := set(_TOKEN.findall(command)) - set("hp%"):
        why = f"has a ProxyCommand with %{min(unknown)}, which the lab does not fill in"
        raise Unusable(why, "use %h and %p alone, or write ProxyJump")
    return command


def _literal(text: str) -> str:
    """Text that ssh takes as it is, where it would replace tokens such as %h."""
    return text.replace("%", "%%")


def _as_words(options: Iterable[str]) -> list[str]:
    return [word for option in options for word in ("-o", option)]
