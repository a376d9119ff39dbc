"""Connected hosts: run a command, put a file, fetch a folder. The only importer of pyinfra."""

from ormlab.hosts.base import Begun, CommandFailed, Ended, Host
from ormlab.hosts.connection import connected

__all__ = ["Begun", "CommandFailed", "Ended", "Host", "connected"]
