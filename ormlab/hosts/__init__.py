"""Connected hosts: run a command, put a file, fetch a folder. The only importer of pyinfra."""

from ormlab.hosts.base import Begun, CommandFailed, Host
from ormlab.hosts.connection import connected

__all__ = ["Begun", "CommandFailed", "Host", "connected"]
