"""The names and addresses of this host and its user, which the lab removes from every record."""

from __future__ import annotations

import os
import platform
import pwd
import socket
from pathlib import Path

import psutil

from agent.answers import Owner

_USER_VARIABLES = ("USER", "LOGNAME", "SUDO_USER")
_LINK_FAMILIES = (socket.AF_INET, socket.AF_INET6, psutil.AF_LINK)


def collect() -> Owner:
    """Names, paths and addresses of this host and of the user of this process.

    The name of a variable makes no value a secret: ``CACHE_KEY=python`` is none.
    """
    name, home = _account()
    names = [platform.node(), platform.node().partition(".")[0], name]
    names += [os.environ.get(variable, "") for variable in _USER_VARIABLES]
    homes = [home, os.environ.get("HOME", "")]
    return Owner(names=names, homes=homes, addresses=[*_addresses(), *_machine_id()])


def _account() -> tuple[str, str]:
    """Name and home folder of this user; empty without an entry in passwd."""
    try:
        account = pwd.getpwuid(os.getuid())
    except KeyError:
        return "", ""
    return account.pw_name, account.pw_dir


def _addresses() -> list[str]:
    """IP and hardware addresses of every interface except loopback."""
    return [
        address.address.partition("%")[0]
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if name != "lo" and address.family in _LINK_FAMILIES
    ]


def _machine_id() -> list[str]:
    try:
        return [Path("/etc/machine-id").read_text(encoding="ascii").strip()]
    except (OSError, ValueError):
        return []
