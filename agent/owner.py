"""Whose host this is: what a record of a run must not hold.

Read to be taken out of whatever is kept, and kept nowhere itself.
"""

from __future__ import annotations

import os
import platform
import pwd
import socket
from pathlib import Path

import psutil

# A variable whose name holds one of these words has a value that nobody should read.
_SECRET_WORDS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL")
_USER_VARIABLES = ("USER", "LOGNAME", "SUDO_USER")
_LINK_FAMILIES = (socket.AF_INET, socket.AF_INET6, psutil.AF_LINK)


def collect() -> dict[str, list[str]]:
    """Names, paths, addresses and secrets of this host and of the user who runs this, by kind."""
    account = pwd.getpwuid(os.getuid())
    names = [platform.node(), platform.node().partition(".")[0], account.pw_name]
    names += [os.environ.get(variable, "") for variable in _USER_VARIABLES]
    return {
        "name": names,
        "home folder": [account.pw_dir, os.environ.get("HOME", "")],
        "address": [*_addresses(), *_machine_id()],
        "secret": [
            value
            for variable, value in os.environ.items()
            if any(word in variable.upper() for word in _SECRET_WORDS)
        ],
    }


def _addresses() -> list[str]:
    """IP and hardware addresses of every interface but the loopback one."""
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
