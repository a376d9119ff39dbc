"""Why a host cannot be reached, as ssh and its Python double say it, and what to do about it."""

from __future__ import annotations

import re

# What OpenSSH says (through Ansible) and what paramiko says (through pyinfra).
_UNKNOWN_KEY = re.compile("(?i)host key verification failed|no host key for|does not match")
_NOT_ADMITTED = re.compile("(?i)permission denied|authentication (?:error|failed)")
_NO_ANSWER = re.compile("(?i)timed out|refused|no route to host|unreachable|resolve|unable to conn")
_NO_SUDO = re.compile("(?i)password is required|missing sudo password|not in the sudoers")


def hint(reason: str, known_hosts: str) -> str:
    """What to do next.

    Args:
        reason: what the tool said.
        known_hosts: the file whose host keys are accepted.
    """
    if _UNKNOWN_KEY.search(reason):
        return (
            "compare the key that `ssh-keyscan` shows with the one on the machine's console, and "
            f"write it into {known_hosts}; no key is accepted that does not stand there"
        )
    if _NOT_ADMITTED.search(reason):
        return (
            "the host does not accept the key: see ansible_user and ansible_ssh_private_key_file "
            "in the inventory, and authorized_keys there"
        )
    if _NO_SUDO.search(reason):
        return "let that user run sudo without a password, or enrol the host as root"
    if _NO_ANSWER.search(reason):
        return "see ansible_host and ansible_port in the inventory, and whether sshd runs there"
    return "try `ssh` with the address, the user and the key of the inventory"
