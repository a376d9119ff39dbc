"""Hints for a host that cannot be reached, from the messages of OpenSSH and paramiko."""

from __future__ import annotations

import re

# Messages of OpenSSH (through Ansible) and of paramiko (through pyinfra).
_UNKNOWN_KEY = re.compile("(?i)host key verification failed|no host key for|does not match")
_NOT_ADMITTED = re.compile("(?i)permission denied|authentication (?:error|failed)")
_NO_ANSWER = re.compile("(?i)timed out|refused|no route to host|unreachable|resolve|unable to conn")
_NO_SUDO = re.compile("(?i)password is required|missing sudo password|not in the sudoers")


def hint(reason: str, known_hosts: str) -> str:
    """What to do next about a message of a tool; ``known_hosts`` is the file of accepted keys."""
    if _UNKNOWN_KEY.search(reason):
        return (
            "compare the key that `ssh-keyscan` shows with the one on the machine's console, and "
            f"write it into {known_hosts}; the lab accepts only the keys in that file"
        )
    if _NOT_ADMITTED.search(reason):
        return (
            "the host refuses the login: check ansible_user and ansible_ssh_private_key_file in "
            "the inventory, and authorized_keys on the host"
        )
    if _NO_SUDO.search(reason):
        return "allow that user to run sudo without a password, or enroll the host as root"
    if _NO_ANSWER.search(reason):
        return "check ansible_host and ansible_port in the inventory, and that sshd runs there"
    return "try `ssh` with the address, the user and the key of the inventory"
