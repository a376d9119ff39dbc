"""Ansible's way into a root of tests/host/chroot.py; the collection with one has 13,000 files."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from ansible.plugins.connection import local

DOCUMENTATION = """
name: rooted
short_description: run tasks in a root of the tests
description: As local does, but every program starts through the script that enters the root.
author: ormlab
options:
  enter:
    description: The script; it takes the file tree and the program with its arguments.
    required: true
    vars: [{name: ansible_rooted_enter}]
  tree:
    description: The file tree, from outside.
    required: true
    vars: [{name: ansible_host}]
  become_success_timeout:
    description: As in local.
    type: int
    default: 10
  become_strip_preamble:
    description: As in local.
    type: bool
    default: true
extends_documentation_fragment: connection_pipelining
"""


class Connection(local.Connection):
    """A connection to one root, as its root user."""

    transport = "rooted"

    def exec_command(self, cmd, in_data=None, sudoable=True):  # noqa: FBT002 - Ansible's signature
        enter = [self.get_option("enter"), self.get_option("tree"), "/bin/sh", "-c", cmd]
        return super().exec_command(shlex.join(enter), in_data=in_data, sudoable=sudoable)

    def put_file(self, in_path, out_path):
        shutil.copyfile(in_path, self._outside(out_path))

    def fetch_file(self, in_path, out_path):
        shutil.copyfile(self._outside(in_path), out_path)

    def _outside(self, path: str) -> Path:
        return Path(self.get_option("tree"), path.lstrip("/"))
