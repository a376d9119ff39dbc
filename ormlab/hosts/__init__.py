"""Connected hosts: run a command, put a file, fetch a folder. The only importer of pyinfra."""

from ormlab.hosts.connection import Begun, CommandFailed, Ended, Host, connected

__all__ = ["Begun", "CommandFailed", "Ended", "Host", "connected"]
