"""Hints for a host that cannot be reached, from the messages of OpenSSH, paramiko and sudo."""

from __future__ import annotations

import re

# What each kind of message asks for, the first that fits. OpenSSH speaks through Ansible and at
# jump hosts, paramiko through pyinfra.
_HINTS = {
    r"host key verification failed|no host key for|no \S+ host key is known|does not match": (
        "compare the key that `ssh-keyscan` shows with the one on the machine's console, and "
        "write it into {known_hosts}; the lab accepts only the keys in that file"
    ),
    r"sudo: (command )?not found": "install sudo there (`apt install sudo`), or log in as root",
    r"unknown user": "provision the host: the role lab_users makes the account of lab_user",
    r"password is required|missing sudo password|not in the sudoers|incorrect password": (
        "set ansible_become_password in the inventory, from a vault or a file; or allow that user "
        "to run sudo without a password"
    ),
    r"permission denied|authentication (error|failed)": (
        "the host refuses the login: check ansible_user and ansible_ssh_private_key_file in the "
        "inventory, and authorized_keys on the host"
    ),
    r"timed out|refused|no route to host|unreachable|resolve|unable to conn|prohibited": (
        "check ansible_host and ansible_port in the inventory, and that sshd runs there"
    ),
}
_OTHERWISE = "try `ssh` with the address, the user and the key of the inventory"


def hint(reason: str, known_hosts: str) -> str:
    """What to do next about a message of a tool; ``known_hosts`` is the file of accepted keys."""
    for pattern, told in _HINTS.items():
        if re.search(pattern, reason, re.IGNORECASE):
            return told.format(known_hosts=known_hosts)
    return _OTHERWISE
